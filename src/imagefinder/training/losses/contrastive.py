"""Two views of an image belong together, and views of others do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pytorch_metric_learning.losses import NTXentLoss
from torch import Tensor

from imagefinder.training.dataset import Numbers
from imagefinder.training.losses.base import WEAR, Objective

_TEMPERATURE = 0.1


class Contrastive(Objective):
    """Chen et al., "A simple framework for contrastive learning" (SimCLR), ICML 2020."""

    rate: ClassVar[float] = 1e-4
    odds: ClassVar[Mapping[str, float]] = {
        "window": 0.9,
        "mirror": 0.5,
        "light": 0.8,
        **WEAR,
    }

    def __init__(self) -> None:
        super().__init__()
        self._loss = NTXentLoss(_TEMPERATURE)

    def drawn(self, numbers: Numbers, batch: int, rng: Generator) -> list[Numbers]:
        """Each image twice."""
        return [np.repeat(half, 2) for half in super().drawn(numbers, max(1, batch // 2), rng)]

    def forward(self, rows: Tensor, shown: Tensor, numbers: Tensor) -> Tensor:
        """See Objective; two views have the number of their image in common."""
        loss: Tensor = self._loss(rows, numbers)
        return loss
