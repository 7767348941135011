"""Training objective: a loss function, its batch sampler and its data augmentation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from torch import Tensor, nn

from imagefinder.training.dataset import Indices

DEGRADATIONS: Mapping[str, float] = {
    "rotate90": 0.1,
    "grayscale": 0.1,
    "blur": 0.1,
    "downscale": 0.1,
    "jpeg": 0.1,
    "pad": 0.1,
    "overlay": 0.1,
}
"""Now and then: without them an encoder forgets how to recognize near-duplicates."""


class Objective(nn.Module, ABC):
    """Its parameters, if it has any, are trained with the encoder's and discarded at the end."""

    rate: ClassVar[float]
    """The default peak learning rate of the encoder."""
    blend: ClassVar[float] = 0.5
    """The default weight interpolation; see Settings."""
    augmentations: ClassVar[Mapping[str, float]]
    """The probability of each augmentation."""
    supervised: ClassVar[bool] = False
    """Whether it trains on class labels, and is validated by mAP instead of by its loss."""

    def batches(self, indices: Indices, batch: int, rng: Generator) -> list[Indices]:
        """An epoch's batches of image indices: equally many for every epoch."""
        order = rng.permutation(indices)
        count = max(1, len(order) // batch)
        return np.array_split(order[: count * batch], count)

    @abstractmethod
    def forward(self, embeddings: Tensor, pixels: Tensor, indices: Tensor) -> Tensor:
        """The loss of embeddings (views, dim); pixels of 0 to 255, indices of their images."""
