"""What a training came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imagefinder.training.settings import Settings
from imagefinder.types import Failure


@dataclass(frozen=True)
class Outcome:
    """The folder is an encoder; ``before`` and ``after`` are what held-out images find."""

    folder: Path
    settings: Settings
    """With what the base and the objective decided."""
    images: int
    """Of which it learnt, with those held out."""
    held_out: int
    classes: int
    """0 if they are not known."""
    losses: tuple[float, ...]
    """Of each epoch."""
    judged: tuple[float, ...]
    """By mAP or by the loss of the held-out images: before the first epoch, and after each."""
    best_epoch: int
    """Whose weights were kept; 0 if the base's own were the best."""
    before: Mapping[str, float]
    """``mAP`` and ``R@1``, where there are classes, and ``copies``."""
    after: Mapping[str, float]
    failed: tuple[Failure, ...]
    seconds: float
    """Of this run."""

    @property
    def epochs(self) -> int:
        """How many there were."""
        return len(self.losses)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "folder": str(self.folder), "epochs": self.epochs}
