"""Estimate of the time and disk space of a distillation, before it begins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
from distillation.config import BlocksConfig
from distillation.schedule import Schedule
from distillation.stages import Stages
from distillation.teachers import Inference

from imagefinder.training.augmentation import Pixels
from imagefinder.training.device import device, mixed_precision
from imagefinder.training.models.mobilenet import MobileNetV2

_SAMPLE = 64
_BATCH = 16


def print_estimate(stages: Stages) -> None:
    """Count the images, time a small sample of each kind of work, and extrapolate."""
    config = stages.config
    print("images")
    for source in config.sources:
        print(f"  {len(source.files(stages.images)):>7,}  {source.name}")
    cached = (config.blocks.views, config.embedding.views)
    gigabytes = sum(views.count * views.size**2 * 3 for views in cached) / 1e9
    print(f"disk      {gigabytes:.1f} GB for views cached in {stages.work}")
    hours = [seconds / 3600 for seconds in _stages_seconds(stages)]
    each = ", ".join(f"{hour:.1f}" for hour in hours)
    print(f"time      about {sum(hours):.1f} hours on this {device().type} (three stages: {each})")
    print("add --run to begin; an interrupted run is resumed by the same command")


def _stages_seconds(stages: Stages) -> tuple[float, float, float]:
    view, teachers = _view_costs(stages)
    config = stages.config
    blocks = _blocks_seconds(config.blocks, config.width, view, teachers[0])
    maps = config.feature_maps
    samples = maps.schedule.steps * maps.batch
    feature_maps = samples * (view + teachers[0])
    feature_maps += _training_seconds(maps.schedule, maps.batch, maps.views.size, config.width)
    embedding = config.embedding.views.count * (view + sum(teachers))
    for one in config.embedding.rounds:
        embedding += _training_seconds(one.schedule, one.batch, one.size, config.width)
    return blocks, feature_maps, embedding


def _view_costs(stages: Stages) -> tuple[float, list[float]]:
    """Seconds to make a view, and to run each teacher on it."""
    config = stages.config.feature_maps.views
    sample: list[Pixels] = []
    views = stages.views(config)
    view = _seconds(lambda: sample.extend(views.make(range(_SAMPLE)))) / _SAMPLE
    inferences = [teacher.compile(["embedding"], config.size) for teacher in stages.teacher_models]
    return view, [_seconds(partial(_exhaust, infer, sample)) / _SAMPLE for infer in inferences]


def _blocks_seconds(config: BlocksConfig, width: float, view: float, teacher: float) -> float:
    costs = _block_costs(config.views.size, width)
    seconds, first = config.views.count * view, 0
    for group in config.groups:
        trained = sum(costs[first : first + group.blocks])
        seconds += group.views * (teacher + sum(costs[:first]) / 3 + group.epochs * trained)
        first += group.blocks
    return seconds


def _training_seconds(schedule: Schedule, batch: int, size: int, width: float) -> float:
    """A frozen block needs the forward pass alone, about a third of the work."""
    costs = _block_costs(size, width)
    frozen, trained = costs[: schedule.frozen], costs[schedule.frozen :]
    return schedule.steps * batch * (sum(frozen) / 3 + sum(trained))


def _block_costs(size: int, width: float) -> list[float]:
    """Seconds a view for the forward and backward pass of each block."""
    student = MobileNetV2(width=width).train().to(device())
    shape = (_BATCH, 3, size, size)
    costs = []
    for block, output in zip(student.blocks, student.shapes, strict=True):
        maps = torch.randn(shape, device=device()).contiguous(memory_format=torch.channels_last)
        maps.requires_grad_(shape[1] > 3)
        step = partial(_forward_and_backward, block, maps)
        step()
        costs.append(_seconds(step) / _BATCH)
        side = size // output.stride
        shape = (_BATCH, output.channels, side, side)
    return costs


def _forward_and_backward(block: torch.nn.Module, maps: torch.Tensor) -> None:
    with mixed_precision(maps.device):
        loss = block(maps).float().square().mean()
    torch.autograd.backward(loss)


def _exhaust(infer: Inference, views: list[Pixels]) -> None:
    for _ in infer(views):
        pass


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - began
