"""The optimizer: AdamW under a one-cycle learning rate schedule, resumed from its checkpoint.

Smith and Topin, "Super-convergence: very fast training of neural networks using large learning
rates" (arXiv 1708.07120).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from imagefinder.training.checkpoints import load, save


def one_cycle(
    optimizer: Optimizer, steps: int, *, warmup: float = 0.1, cycle_momentum: bool = True
) -> OneCycleLR:
    """Up to the optimizer's rates in the first ``warmup`` of the steps, then down to almost 0."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    total = steps + 1  # the schedule moves on once more after the last step
    return OneCycleLR(
        optimizer,
        peaks,
        total_steps=total,
        pct_start=max(warmup, 2 / total),  # torch divides by zero if it peaks at the first step
        cycle_momentum=cycle_momentum,
    )


def step(optimizer: Optimizer, schedule: LRScheduler, loss: torch.Tensor) -> None:
    """Backpropagate, and change the weights."""
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    schedule.step()


class ResumableOptimizer:
    """Counts its steps, and saves them with the states of all that a run consists of."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: LRScheduler,
        checkpoint: Path,
        states: Mapping[str, Any],
    ) -> None:
        """Restores everything from the checkpoint if there is one."""
        self._optimizer, self._schedule, self._checkpoint = optimizer, schedule, checkpoint
        self._states = {**states, "optimizer": optimizer, "schedule": schedule}
        self.done = load(checkpoint, self._states)
        """How many steps, before any interruption too."""

    def step(self, loss: torch.Tensor) -> None:
        """One more."""
        step(self._optimizer, self._schedule, loss)
        self.done += 1

    def save(self) -> None:
        """Write the checkpoint."""
        save(self._checkpoint, self._states, self.done)
