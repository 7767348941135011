"""What a training would take, before it begins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
from distillation.loop import Pass
from distillation.stages import Stages
from distillation.teachers import Teach

from imagefinder.training.augmentation import Pixels
from imagefinder.training.device import device, mixed
from imagefinder.training.models.mobilenet import Student

_SAMPLE = 64
_BATCH = 16


def print_estimate(stages: Stages) -> None:
    """Count the images, time a little of each kind of work, and say what all of it comes to."""
    plan = stages.plan
    print("images")
    for source in plan.sources:
        print(f"  {len(source.files(stages.images)):>7,}  {source.name}")
    kept = (plan.parts.views, plan.embedding.views)
    gigabytes = sum(views.count * views.size**2 * 3 for views in kept) / 1e9
    print(f"disk      {gigabytes:.1f} GB for views kept in {stages.work}")
    hours = [seconds / 3600 for seconds in _stages_seconds(stages)]
    each = ", ".join(f"{hour:.1f}" for hour in hours)
    print(f"time      about {sum(hours):.1f} hours on this {device().type} (three stages: {each})")
    print("add --run to begin; a run that is killed goes on where it was")


def _stages_seconds(stages: Stages) -> tuple[float, float, float]:
    plan = stages.plan
    shown: list[Pixels] = []
    views = stages.views(plan.maps.views)
    view = _seconds(lambda: shown.extend(views.make(range(_SAMPLE)))) / _SAMPLE
    teaches = [
        teacher.normalized_for(["embedding"], plan.maps.views.size)
        for teacher in stages.opened_teachers
    ]
    teachers = [_seconds(partial(_exhaust, teach, shown)) / _SAMPLE for teach in teaches]
    costs = _part_costs(plan.parts.views.size, plan.width)
    parts, first = plan.parts.views.count * view, 0
    for group in plan.parts.groups:
        mine = sum(costs[first : first + group.parts])
        parts += group.views * (teachers[0] + sum(costs[:first]) / 3 + group.epochs * mine)
        first += group.parts
    maps = _pass_seconds(plan.maps.course, plan.maps.batch, plan.maps.views.size, plan.width)
    maps += plan.maps.course.steps * plan.maps.batch * (view + teachers[0])
    embedding = plan.embedding.views.count * (view + sum(teachers))
    for turn in plan.embedding.rounds:
        embedding += _pass_seconds(turn.course, turn.batch, turn.size, plan.width)
    return parts, maps, embedding


def _pass_seconds(course: Pass, batch: int, size: int, width: float) -> float:
    """A frozen part is only gone through forwards, about a third of the work."""
    costs = _part_costs(size, width)
    frozen, learning = costs[: course.frozen], costs[course.frozen :]
    return course.steps * batch * (sum(frozen) / 3 + sum(learning))


def _part_costs(size: int, width: float) -> list[float]:
    """Seconds a view to go through each part, and back."""
    student = Student(width=width).train().to(device())
    shape = (_BATCH, 3, size, size)
    costs = []
    for part, after in zip(student.parts, student.shapes, strict=True):
        maps = torch.randn(shape, device=device()).contiguous(memory_format=torch.channels_last)
        maps.requires_grad_(shape[1] > 3)

        def step(part: torch.nn.Module = part, maps: torch.Tensor = maps) -> None:
            with mixed(maps.device):
                loss = part(maps).float().square().mean()
            torch.autograd.backward(loss)

        step()
        costs.append(_seconds(step) / _BATCH)
        side = size // after.stride
        shape = (_BATCH, after.channels, side, side)
    return costs


def _exhaust(teach: Teach, views: list[Pixels]) -> None:
    for _ in teach(views):
        pass


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - began
