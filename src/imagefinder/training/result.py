"""The result of a training run: learning curves, and metrics before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imagefinder.training.settings import ResolvedSettings
from imagefinder.types import Failure


@dataclass(frozen=True)
class TrainingResult:
    """``folder`` is the encoder; ``before`` and ``after`` are metrics of the validation images."""

    folder: Path
    settings: ResolvedSettings
    images: int
    """Training and validation images together."""
    held_out: int
    """Validation images."""
    classes: int
    """0 if they are not known."""
    losses: tuple[float, ...]
    """The mean training loss of each epoch."""
    validation: tuple[float, ...]
    """mAP or loss of the validation images: before the first epoch, and after each."""
    best_epoch: int
    """The one whose weights were restored; 0 if the base model was the best."""
    before: Mapping[str, float]
    """``mAP`` and ``R@1``, where there are classes, and ``copies``."""
    after: Mapping[str, float]
    failed: tuple[Failure, ...]
    seconds: float
    """Since this run began or was resumed."""

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return len(self.losses)

    def as_json(self) -> dict[str, Any]:
        """Every field, and ``epochs``."""
        return {**asdict(self), "folder": str(self.folder), "epochs": self.epochs}
