"""The optimizer: learning rate schedule (warm-up, cosine decay), steps, resumption."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from imagefinder.training.checkpoints import load, save


def warmup_cosine(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Up to the optimizer's rates in a tenth of the steps, then down to 0 along a cosine."""
    return LambdaLR(optimizer, partial(_share, steps=steps))


def _share(step: int, steps: int) -> float:
    warmup = 1 + steps // 10
    if step < warmup:
        return (step + 1) / warmup
    return (1 + cos(pi * (step - warmup) / max(1, steps - warmup))) / 2


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
