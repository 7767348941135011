"""Contrastive loss (NT-Xent, SimCLR): two views of one image attract, those of others repel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from pytorch_metric_learning.losses import NTXentLoss
from torch import Tensor

from imagefinder.training.dataset import Indices
from imagefinder.training.losses.base import DEGRADATIONS, Objective

_TEMPERATURE = 0.1


class Contrastive(Objective):
    """Chen et al., "A simple framework for contrastive learning" (SimCLR), ICML 2020."""

    rate: ClassVar[float] = 1e-4
    augmentations: ClassVar[Mapping[str, float]] = {
        "crop": 0.9,
        "flip": 0.5,
        "color_jitter": 0.8,
        **DEGRADATIONS,
    }

    def __init__(self) -> None:
        super().__init__()
        self._loss = NTXentLoss(_TEMPERATURE)

    def batches(self, indices: Indices, batch: int, rng: Generator) -> list[Indices]:
        """Each image twice."""
        return [np.repeat(half, 2) for half in super().batches(indices, max(1, batch // 2), rng)]

    def forward(self, embeddings: Tensor, pixels: Tensor, indices: Tensor) -> Tensor:
        """See Objective; two views of one image have the same index."""
        loss: Tensor = self._loss(embeddings, indices)
        return loss
