"""The one-cycle learning rate schedule.

Smith and Topin, "Super-convergence: very fast training of neural networks using large learning
rates" (arXiv 1708.07120).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


@dataclass(frozen=True)
class Schedule:
    """Length and learning rate of a training, under a one-cycle schedule."""

    steps: int
    rate: float
    """The peak learning rate."""
    frozen: int = 0
    """How many of the first blocks are frozen."""
    weight_decay: float = 0.01
    every: int = 200
    """Steps between two checkpoints."""


def one_cycle(optimizer: Optimizer, steps: int, warmup: float = 0.1) -> OneCycleLR:
    """Up to the optimizer's rate in the first ``warmup`` of the steps, then down to almost 0."""
    (group,) = optimizer.param_groups
    total = steps + 1  # the schedule moves on once more after the last step
    # torch divides by zero if the peak is at the first step
    return OneCycleLR(optimizer, group["lr"], total_steps=total, pct_start=max(warmup, 2 / total))
