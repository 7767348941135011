"""Part by part: each part of the student learns to give what the teacher gives at its depth.

The part is fed with what the student's own frozen parts before it give, so that it mends their
errors instead of adding to them: FitNets' hints (Romero et al., arXiv 1412.6550) at every depth,
with the block-wise supervision of DNA (Li et al., arXiv 1911.13053).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from distillation.teachers import Teacher
from torch import Tensor, nn

from imagefinder.training.augmentation import Pixels
from imagefinder.training.device import mixed
from imagefinder.training.models.mobilenet import Student, measure_norms

Report: TypeAlias = Callable[[dict[str, float]], None]

_HELD_OUT = 512
_FORWARD = 64


@dataclass(frozen=True)
class Group:
    """Parts that learn from the same views, kept in memory."""

    parts: int
    views: int
    epochs: int
    batch: int = 32
    rate: float = 0.02


def train_parts(
    student: Student,
    teacher: Teacher,
    views: Pixels,
    groups: Sequence[Group],
    done: int,
    report: Report,
) -> Iterator[int]:
    """Train the parts from number ``done`` on; yields how many are trained, after each.

    ``views``: (views, size, size, 3); each group takes the first ones.
    """
    depths = teacher.depths()
    first = 0
    for group in groups:
        numbers = range(first, first + group.parts)
        first += group.parts
        todo = numbers[max(0, done - numbers.start) :]
        if not todo:
            continue
        shown = views[: group.views]
        # all of the group's, also after a kill: asked for fewer, the teacher rounds otherwise
        targets = _given(teacher, shown, depths[numbers.start : numbers.stop])
        del targets[: todo.start - numbers.start]
        maps = _through(student.parts[: todo.start], _pixels(shown))
        for number in todo:
            part = student.parts[number]
            error = _train(part, maps, targets.pop(0), group, seed=number)
            report({"part": number, "error": error})
            yield number + 1
            if number + 1 in todo:
                maps = _through([part], maps)


def _given(teacher: Teacher, views: Pixels, depths: Sequence[str]) -> list[Tensor]:
    """The teacher's maps at these depths."""
    rooms: list[Tensor] = []
    teach = teacher.normalized_for(depths, views.shape[1])
    for position, maps in enumerate(teach(views)):
        if not rooms:
            rooms = [_room(len(views), map_.shape) for map_ in maps]
        for room, map_ in zip(rooms, maps, strict=True):
            room[position] = torch.from_numpy(map_)
    return rooms


def _train(part: nn.Module, maps: Tensor, targets: Tensor, group: Group, seed: int) -> float:
    """The share of the teacher's variance that is left on held-out views."""
    where = next(part.parameters()).device
    learnt = len(maps) - min(_HELD_OUT, len(maps) // 4)
    scale = 1 / float(targets[:2048].float().var((0, 2, 3)).mean())
    steps = learnt // group.batch
    optimizer = torch.optim.AdamW(part.parameters(), lr=group.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, group.rate, total_steps=steps * group.epochs + 1
    )
    order = torch.Generator().manual_seed(seed)
    part.train()
    for _ in range(group.epochs):
        shuffled = torch.randperm(learnt, generator=order)
        for chosen in shuffled[: steps * group.batch].chunk(steps):
            with mixed(where):
                given = part(_fed(maps[chosen], where))
            missed = given.float() - targets[chosen].to(where).float()
            loss = missed.square().mean() * scale
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    with mixed(where):
        measure_norms(part, (_fed(batch, where) for batch in _batches(maps[: min(learnt, 2048)])))
    given = _through([part], maps[learnt:])
    return float((given.float() - targets[learnt:].float()).square().mean()) * scale


@torch.no_grad()
def _through(parts: Iterable[nn.Module], maps: Tensor) -> Tensor:
    """What these frozen parts make of the maps."""
    for frozen in (parts := nn.Sequential(*parts).eval()).parameters():
        frozen.requires_grad_(False)
    if not len(parts):
        return maps
    where = next(parts.parameters()).device
    room = torch.empty(0)
    for number, batch in enumerate(_batches(maps)):
        with mixed(where):
            given = parts(_fed(batch, where))
        if number == 0:
            room = _room(len(maps), given.shape[1:])
        room[number * _FORWARD :][: len(given)] = given
    return room


def _batches(maps: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(maps), _FORWARD):
        yield maps[start : start + _FORWARD]


def _pixels(views: Pixels) -> Tensor:
    """The same numbers with the channels second, as PyTorch counts."""
    with warnings.catch_warnings():  # that they are read-only is no harm: nobody writes
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(views).permute(0, 3, 1, 2)


def _fed(maps: Tensor, where: torch.device) -> Tensor:
    """Pixels as -1 to 1; maps as they are, in as many bits as are computed with."""
    maps = maps.to(where)
    if maps.dtype == torch.uint8:
        return maps.float() / 127.5 - 1
    fed = maps if torch.is_autocast_enabled(where.type) else maps.float()
    return fed.requires_grad_(torch.is_grad_enabled())


def _room(views: int, shape: tuple[int, ...] | torch.Size) -> Tensor:
    room = torch.empty((views, *shape), dtype=torch.bfloat16)
    return room.contiguous(memory_format=torch.channels_last)
