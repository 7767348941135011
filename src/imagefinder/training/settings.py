"""Hyperparameters of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

ObjectiveName: TypeAlias = Literal["labels", "contrastive", "autoencoder"]

OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)

_LEAST = {"dim": 1, "epochs": 1, "batch": 8, "frozen": 0, "patience": 1, "clusters": 1, "seed": 0}


@dataclass(frozen=True)
class Settings:
    """Where a value is None, the base model or the objective decides."""

    objective: ObjectiveName = "labels"
    """``labels``: supervised metric learning, images of one class are positives.
    ``contrastive``: self-supervised, two views of one image are positives.
    ``autoencoder``: the image is reconstructed from its embedding."""
    base: str = "compact"
    """``compact``, ``resnet18``, ``resnet50``, or the hub repository of another ResNet."""
    size: int | None = None
    """Input size, pixels a side."""
    dim: int | None = None
    """Output dimensions, by PCA; as many as the base model has if it is None."""
    epochs: int = 8
    """The maximum."""
    batch: int | None = None
    """Batch size; the base model's default fits into 4 GB of memory."""
    rate: float | None = None
    """Peak learning rate, between warm-up and cosine decay."""
    blend: float | None = None
    """Weight interpolation (WiSE-FT): 0 would be the base model, 1 is the fine-tuned one. In
    between, more of what the base model knew is preserved (Wortsman et al., "Robust fine-tuning
    of zero-shot models", CVPR 2022)."""
    frozen: int | None = None
    """How many of the base model's first blocks are frozen."""
    held_out: float = 0.1
    """Validation fraction."""
    patience: int = 3
    """Early stopping: epochs without improvement."""
    clusters: int | None = None
    """Of k-means in the catalogue; the square root of the number of images if it is None."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}")
        if self.size is not None and not 32 <= self.size <= 1024:
            raise ValueError("size must be between 32 and 1024 pixels")
        if self.rate is not None and self.rate <= 0:
            raise ValueError("rate must be above 0")
        if self.blend is not None and not 0 < self.blend <= 1:
            raise ValueError("blend must be above 0 and at most 1")
        if not 0 < self.held_out < 1:
            raise ValueError("held_out must be between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class ResolvedSettings(Settings):
    """With what the base model and the objective decided."""

    size: int
    batch: int
    rate: float
    blend: float
    frozen: int
