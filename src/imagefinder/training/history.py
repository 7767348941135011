"""What a course has seen so far, and the best that it came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from imagefinder.errors import TrainingError


@dataclass
class History:
    """Kept with each checkpoint. ``judged`` is by the held-out images; epoch 0 is the base."""

    higher: bool
    """Whether a higher judgement is the better one."""
    losses: list[float] = field(default_factory=list)
    """Of each epoch, the mean."""
    judged: list[float] = field(default_factory=list)
    """Before the first epoch, and after each."""
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights after the best of them."""
    _total: float = 0.0
    _steps: int = 0

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.losses)

    @property
    def best_epoch(self) -> int:
        """The first of the best; 0 if training made nothing better."""
        return self.judged.index((max if self.higher else min)(self.judged))

    @property
    def now(self) -> float:
        """The last judgement."""
        return self.judged[-1]

    @property
    def loss(self) -> float:
        """The mean of this epoch so far."""
        return self._total / max(1, self._steps)

    def step(self, loss: float) -> None:
        """One more. Raises TrainingError where there is no way back."""
        if not math.isfinite(loss):
            raise TrainingError("the loss is no number any more: train with a lower --rate")
        self._total += loss
        self._steps += 1

    def judge(self, figure: float, module: nn.Module) -> None:
        """An epoch ends, or nothing has begun yet."""
        if self.judged:
            self.losses.append(self.loss)
            self._total, self._steps = 0.0, 0
        self.judged.append(figure)
        if self.best_epoch == self.epochs:
            self.best = kept(module)

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether all is done, or nothing has become better for so long."""
        return self.epochs >= epochs or self.epochs - self.best_epoch >= patience

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From one."""
        for name, value in state.items():
            setattr(self, name, value)


def kept(module: nn.Module) -> dict[str, Tensor]:
    """A copy of its weights, whatever becomes of them."""
    return {name: one.detach().to("cpu", copy=True) for name, one in module.state_dict().items()}


def restore(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Bring weights back that ``History`` kept."""
    with torch.no_grad():
        module.load_state_dict(weights)
