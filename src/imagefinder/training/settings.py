"""What decides the outcome of a training, beside its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

ObjectiveName: TypeAlias = Literal["labels", "contrastive", "autoencoder"]

OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)


@dataclass(frozen=True)
class Settings:
    """Where 0 is the default, the base or the objective decides."""

    objective: ObjectiveName = "labels"
    """``labels``: images of one class belong together. ``contrastive``: two views of an image
    do. ``autoencoder``: the image is to be rebuilt from its row."""
    base: str = "compact"
    """``compact``, ``resnet18``, ``resnet50``, or a ResNet's repository on the hub."""
    size: int = 0
    """Pixels a side of what the encoder is fed with."""
    dim: int = 0
    """Numbers in a row, by principal components; as many as the base gives if it is 0."""
    epochs: int = 8
    """How often each image is shown at most."""
    batch: int = 0
    """Views in one step; the base decides by what it takes of memory."""
    rate: float = 0.0
    """The highest learning rate."""
    blend: float = 0.0
    """How far from the base's weights to those learnt the encoder's end up: at 1 all the way. On
    the way it keeps more of what the base knew (Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022)."""
    frozen: int = -1
    """How many of the base's first parts stay as they are; the base decides if it is negative."""
    held_out: float = 0.1
    """The share of images that are not learnt from, but judge."""
    patience: int = 3
    """Epochs without an improvement, after which training ends."""
    clusters: int = 0
    """Of K-means; the root of the number of images if it is 0."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"an objective is one of {', '.join(OBJECTIVES)}")
        if min(self.size, self.dim, self.rate, self.clusters, self.seed) < 0:
            raise ValueError("size, dim, rate, clusters and seed cannot be negative")
        if self.size and not 32 <= self.size <= 1024:
            raise ValueError("a size is 32 to 1024 pixels")
        if min(self.epochs, self.patience) < 1 or 0 != self.batch < 8:
            raise ValueError("epochs and patience are at least 1, a batch has at least 8 views")
        if not 0 <= self.blend <= 1:
            raise ValueError("blend is a share, above 0 and at most 1")
        if not 0 < self.held_out < 1:
            raise ValueError("held_out is a share between 0 and 1")
