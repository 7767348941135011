"""Block-wise knowledge distillation: each block learns the teacher's feature maps at its depth.

A block's input is what the student's own frozen blocks before it produce, so that it corrects
their errors instead of adding to them: FitNets' hints (Romero et al., arXiv 1412.6550) at every
depth, with the block-wise supervision of DNA (Li et al., arXiv 1911.13053).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from distillation.schedule import one_cycle
from distillation.teachers import Teacher
from torch import Tensor, nn

from imagefinder.training.augmentation import Pixels
from imagefinder.training.device import mixed_precision
from imagefinder.training.models.mobilenet import MobileNetV2, recalibrate_batch_norm
from imagefinder.training.optimizer import step

Report: TypeAlias = Callable[[dict[str, float]], None]

_VALIDATION = 512
_FORWARD = 64


@dataclass(frozen=True)
class BlockGroup:
    """Blocks that are trained on the same views, in memory."""

    blocks: int
    views: int
    epochs: int
    batch: int = 32
    rate: float = 0.02
    """The peak learning rate."""


def train_blocks(
    student: MobileNetV2,
    teacher: Teacher,
    views: Pixels,
    groups: Sequence[BlockGroup],
    done: int,
    report: Report,
) -> Iterator[int]:
    """Train the blocks after the first ``done``; yields how many are trained, after each.

    ``views``: (views, size, size, 3); each group uses the first ones.
    """
    depths = teacher.block_outputs()
    first = 0
    for group in groups:
        numbers = range(first, first + group.blocks)
        first += group.blocks
        remaining = numbers[max(0, done - numbers.start) :]
        if not remaining:
            continue
        own_views = views[: group.views]
        # those of the whole group, also when resuming: for fewer, the teacher rounds differently
        targets = _teacher_maps(teacher, own_views, depths[numbers.start : numbers.stop])
        del targets[: remaining.start - numbers.start]
        maps = _pixels(own_views)
        for block in student.blocks[: remaining.start]:  # one by one, as they were trained: what
            maps = _forward(block, maps)  # is between them is rounded, also when resuming
        for number in remaining:
            block = student.blocks[number]
            error = _train(block, maps, targets.pop(0), group, seed=number)
            report({"block": number, "error": error})
            yield number + 1
            if number + 1 in remaining:
                maps = _forward(block, maps)


def _teacher_maps(teacher: Teacher, views: Pixels, depths: Sequence[str]) -> list[Tensor]:
    """The teacher's feature maps at these depths."""
    results: list[Tensor] = []
    infer = teacher.compile(depths, views.shape[1])
    for position, maps in enumerate(infer(views)):
        if not results:
            results = [_allocate(len(views), one.shape) for one in maps]
        for result, one in zip(results, maps, strict=True):
            result[position] = torch.from_numpy(one)
    return results


def _train(block: nn.Module, maps: Tensor, targets: Tensor, group: BlockGroup, seed: int) -> float:
    """The fraction of the teacher's variance that is unexplained on validation views."""
    where = next(block.parameters()).device
    training = len(maps) - min(_VALIDATION, len(maps) // 4)
    scale = 1 / float(targets[:2048].float().var((0, 2, 3)).mean())
    steps = training // group.batch
    optimizer = torch.optim.AdamW(block.parameters(), lr=group.rate, weight_decay=1e-3)
    schedule = one_cycle(optimizer, steps * group.epochs, warmup=0.3)
    order = torch.Generator().manual_seed(seed)
    block.train()
    for _ in range(group.epochs):
        shuffled = torch.randperm(training, generator=order)
        for chosen in shuffled[: steps * group.batch].chunk(steps):
            with mixed_precision(where):
                output = block(_as_input(maps[chosen], where))
            residual = output.float() - targets[chosen].to(where).float()
            step(optimizer, schedule, residual.square().mean() * scale)
    sample = _batches(maps[: min(training, 2048)])
    with mixed_precision(where):
        recalibrate_batch_norm(block, (_as_input(batch, where) for batch in sample))
    output = _forward(block, maps[training:])
    return float((output.float() - targets[training:].float()).square().mean()) * scale


@torch.no_grad()
def _forward(block: nn.Module, maps: Tensor) -> Tensor:
    """The output of a block, which is frozen."""
    block.eval().requires_grad_(False)
    where = next(block.parameters()).device
    result = torch.empty(0)
    for number, batch in enumerate(_batches(maps)):
        with mixed_precision(where):
            output = block(_as_input(batch, where))
        if number == 0:
            result = _allocate(len(maps), output.shape[1:])
        result[number * _FORWARD :][: len(output)] = output
    return result


def _batches(maps: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(maps), _FORWARD):
        yield maps[start : start + _FORWARD]


def _pixels(views: Pixels) -> Tensor:
    """(views, 3, size, size), as PyTorch orders the axes."""
    with warnings.catch_warnings():  # that the array is read-only does no harm: nobody writes
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(views).permute(0, 3, 1, 2)


def _as_input(maps: Tensor, where: torch.device) -> Tensor:
    """Pixels scaled to -1 to 1; feature maps unchanged, in the precision of the computation."""
    maps = maps.to(where)
    if maps.dtype == torch.uint8:
        return maps.float() / 127.5 - 1
    inputs = maps if torch.is_autocast_enabled(where.type) else maps.float()
    return inputs.requires_grad_(torch.is_grad_enabled())


def _allocate(views: int, shape: tuple[int, ...] | torch.Size) -> Tensor:
    result = torch.empty((views, *shape), dtype=torch.bfloat16)
    return result.contiguous(memory_format=torch.channels_last)
