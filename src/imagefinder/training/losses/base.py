"""What all objectives have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from torch import Tensor, nn

from imagefinder.training.dataset import Numbers

WEAR: Mapping[str, float] = {
    "turn": 0.1,
    "grey": 0.1,
    "blur": 0.1,
    "shrink": 0.1,
    "compress": 0.1,
    "border": 0.1,
    "overlay": 0.1,
}
"""What happens to copies now and then: without it an encoder forgets that they are copies."""


class Objective(nn.Module, ABC):
    """Its parameters, if it has any, are learnt beside the encoder's and left at the end."""

    rate: ClassVar[float]
    """The highest learning rate of the encoder, if none is given."""
    blend: ClassVar[float] = 0.5
    """Likewise; see Settings."""
    odds: ClassVar[Mapping[str, float]]
    """How probable each change of a view is."""
    by_classes: ClassVar[bool] = False
    """Whether held-out images judge by what they find of their class, and not by the loss."""

    def drawn(self, numbers: Numbers, batch: int, rng: Generator) -> list[Numbers]:
        """An epoch's batches of the images' numbers: as many whenever it is asked."""
        order = rng.permutation(numbers)
        whole = max(1, len(order) // batch)
        return np.array_split(order[: whole * batch], whole)

    @abstractmethod
    def forward(self, rows: Tensor, shown: Tensor, numbers: Tensor) -> Tensor:
        """The loss of rows (views, dim) for views of 0 to 255 of images with these numbers."""
