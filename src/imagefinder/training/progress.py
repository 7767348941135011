"""Progress events of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class ProgressEvent:
    """``done`` of ``total`` steps or images of one phase."""

    phase: Literal["decoding", "training", "adding"]
    """Decoding the images, training the network, adding the images to the catalogue."""
    done: int
    total: int
    loss: float | None = None
    """The mean training loss of this epoch so far."""
    validation: float | None = None
    """The latest validation score: mAP, or the validation loss."""


OnProgress: TypeAlias = Callable[[ProgressEvent], object]
