"""A pass: the whole student, or all but its first parts, goes through a lesson."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import torch
from distillation.objectives import Lesson
from torch import nn

from imagefinder.training.checkpoints import load, save
from imagefinder.training.models.mobilenet import Student

Report: TypeAlias = Callable[[dict[str, float]], None]


@dataclass(frozen=True)
class Pass:
    """How long and how fast; the rate rises and falls in one cycle."""

    steps: int
    rate: float
    frozen: int = 0
    """The first parts, which stay as they are."""
    weight_decay: float = 0.01
    every: int = 200
    """Steps between two checkpoints."""


def run_pass(
    student: Student, lesson: Lesson, plan: Pass, checkpoint: Path, report: Report
) -> None:
    """Train, from the checkpoint on if there is one.

    The norms keep the statistics that the parts were left with: those of a small batch would add
    more error to maps as deep as these than a pass can take away.
    """
    where = student.embed.weight.device
    learning = nn.ModuleList([*student.parts[plan.frozen :], student.embed])
    student.eval().requires_grad_(False)
    learning.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        learning.parameters(), lr=plan.rate, weight_decay=plan.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, plan.rate, total_steps=plan.steps + 1, pct_start=0.1
    )
    states: dict[str, Any] = {"student": student, "optimizer": optimizer, "schedule": schedule}
    done = load(checkpoint, states)
    total = 0.0
    for step, (pixels, wanted) in enumerate(
        islice(lesson.batches(done), plan.steps - done), start=done + 1
    ):
        shown = pixels.to(where).float() / 127.5 - 1
        loss = lesson.loss(student, shown, [tensor.to(where) for tensor in wanted])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        if step % plan.every == 0 or step == plan.steps:
            save(checkpoint, states, step)
            report({"step": step, "loss": total / ((step - 1) % plan.every + 1)})
            total = 0.0
    student.eval().requires_grad_(False)
