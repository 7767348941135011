"""Images of one class belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.random import Generator
from pytorch_metric_learning.losses import MultiSimilarityLoss
from torch import Tensor

from imagefinder.training.dataset import Numbers
from imagefinder.training.losses.base import WEAR, Objective

_EACH = 4  # images of a class in a batch


class Labels(Objective):
    """Wang et al., "Multi-similarity loss with general pair weighting", CVPR 2019."""

    rate: ClassVar[float] = 5e-4
    odds: ClassVar[Mapping[str, float]] = {
        "window": 0.8,
        "mirror": 0.5,
        "exposure": 0.8,
        **WEAR,
    }
    by_classes: ClassVar[bool] = True

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        _, codes = np.unique(np.asarray(classes), return_inverse=True)
        self.register_buffer("codes", torch.from_numpy(codes), persistent=False)
        self._loss = MultiSimilarityLoss()

    def drawn(self, numbers: Numbers, batch: int, rng: Generator) -> list[Numbers]:
        """Four of a class at a time, so that each image has others that belong to it."""
        codes = self.get_buffer("codes").cpu().numpy()[numbers]
        fours: list[Numbers] = []
        for code in np.unique(codes):
            members = rng.permutation(numbers[codes == code])
            lacking = -len(members) % _EACH
            members = np.append(members, rng.choice(members, lacking))
            fours.extend(members.reshape(-1, _EACH))
        together = max(1, batch // _EACH)
        order = np.stack(fours)[rng.permutation(len(fours))]
        whole = max(1, len(order) // together)
        return [part.ravel() for part in np.array_split(order[: whole * together], whole)]

    def forward(self, rows: Tensor, shown: Tensor, numbers: Tensor) -> Tensor:
        """See Objective."""
        loss: Tensor = self._loss(rows, self.get_buffer("codes")[numbers])
        return loss
