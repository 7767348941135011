"""Training loop of the whole student: resumable from checkpoints, some blocks frozen."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import torch
from distillation.blockwise import Report
from distillation.objectives import DistillationObjective
from distillation.schedule import Schedule, one_cycle
from torch import nn

from imagefinder.training.models.mobilenet import MobileNetV2
from imagefinder.training.optimizer import ResumableOptimizer


def train_student(
    student: MobileNetV2,
    objective: DistillationObjective,
    plan: Schedule,
    checkpoint: Path,
    report: Report,
) -> None:
    """Train, from the checkpoint on if there is one.

    The batch norms keep their statistics: those of a small batch would add more error to feature
    maps as deep as these than the training can remove.
    """
    where = student.embed.weight.device
    trainable = nn.ModuleList([*student.blocks[plan.frozen :], student.embed])
    student.eval().requires_grad_(False)
    trainable.requires_grad_(True)
    adamw = torch.optim.AdamW(trainable.parameters(), lr=plan.rate, weight_decay=plan.weight_decay)
    schedule = one_cycle(adamw, plan.steps)
    optimizer = ResumableOptimizer(adamw, schedule, checkpoint, {"student": student})
    batches = islice(objective.batches(optimizer.done), plan.steps - optimizer.done)
    total = 0.0
    for pixels, targets in batches:
        inputs = pixels.to(where).float() / 127.5 - 1
        loss = objective.loss(student, inputs, [tensor.to(where) for tensor in targets])
        optimizer.step(loss)
        total += float(loss.detach())
        if optimizer.done % plan.every == 0 or optimizer.done == plan.steps:
            optimizer.save()
            averaged = (optimizer.done - 1) % plan.every + 1
            report({"step": optimizer.done, "loss": total / averaged})
            total = 0.0
    student.eval().requires_grad_(False)
