"""Early stopping: the learning curves so far, and the weights of the best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from imagefinder.errors import TrainingError


@dataclass
class History:
    """Saved with each checkpoint. Epoch 0 is the base model."""

    higher_is_better: bool
    """Of validation scores: True for mAP, False for a loss."""
    losses: list[float] = field(default_factory=list)
    """The mean training loss of each epoch."""
    validation: list[float] = field(default_factory=list)
    """The validation score before the first epoch, and after each."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    _total: float = 0.0
    _steps: int = 0

    @property
    def epochs(self) -> int:
        """How many are complete."""
        return len(self.losses)

    @property
    def best_epoch(self) -> int:
        """The first with the best score; 0 if training improved nothing."""
        best = max if self.higher_is_better else min
        return self.validation.index(best(self.validation))

    @property
    def loss(self) -> float:
        """The mean of this epoch so far."""
        return self._total / max(1, self._steps)

    def add_step(self, loss: float) -> None:
        """Raises TrainingError if training has diverged."""
        if not math.isfinite(loss):
            raise TrainingError("the loss is not finite: train with a lower --rate")
        self._total += loss
        self._steps += 1

    def add_validation(self, score: float, module: nn.Module) -> None:
        """At the end of an epoch, and once before the first."""
        if self.validation:
            self.losses.append(self.loss)
            self._total, self._steps = 0.0, 0
        self.validation.append(score)
        if self.best_epoch == self.epochs:
            self.best_weights = copy_weights(module)

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether all epochs are done, or the last ``patience`` of them improved nothing."""
        return self.epochs >= epochs or self.epochs - self.best_epoch >= patience

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        vars(self).update(state)


def copy_weights(module: nn.Module) -> dict[str, Tensor]:
    """The state dict on the CPU, independent of further training."""
    return {name: one.detach().to("cpu", copy=True) for name, one in module.state_dict().items()}
