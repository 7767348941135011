"""Multi-similarity loss: supervised metric learning on class labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.random import Generator
from pytorch_metric_learning.losses import MultiSimilarityLoss
from torch import Tensor

from imagefinder.training.dataset import Indices
from imagefinder.training.losses.base import DEGRADATIONS, Objective

_EACH = 4  # images of a class in a batch


class MultiSimilarity(Objective):
    """Wang et al., "Multi-similarity loss with general pair weighting", CVPR 2019."""

    rate: ClassVar[float] = 5e-4
    augmentations: ClassVar[Mapping[str, float]] = {
        "crop": 0.8,
        "flip": 0.5,
        "brightness_contrast": 0.8,
        **DEGRADATIONS,
    }
    supervised: ClassVar[bool] = True

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        _, codes = np.unique(np.asarray(labels), return_inverse=True)
        self.register_buffer("codes", torch.from_numpy(codes), persistent=False)
        self._loss = MultiSimilarityLoss()

    def batches(self, indices: Indices, batch: int, rng: Generator) -> list[Indices]:
        """Images of a class come in fours, so that each has positives in its batch."""
        codes = self.get_buffer("codes").cpu().numpy()[indices]
        fours: list[Indices] = []
        for code in np.unique(codes):
            members = rng.permutation(indices[codes == code])
            lacking = -len(members) % _EACH
            members = np.append(members, rng.choice(members, lacking))
            fours.extend(members.reshape(-1, _EACH))
        together = max(1, batch // _EACH)
        order = np.stack(fours)[rng.permutation(len(fours))]
        count = max(1, len(order) // together)
        return [some.ravel() for some in np.array_split(order[: count * together], count)]

    def forward(self, embeddings: Tensor, pixels: Tensor, indices: Tensor) -> Tensor:
        """See Objective."""
        loss: Tensor = self._loss(embeddings, self.get_buffer("codes")[indices])
        return loss
