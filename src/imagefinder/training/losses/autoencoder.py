"""The image is to be rebuilt from its row."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.losses.base import Objective

SIDE = 64
"""Pixels of what is rebuilt: a few hundred numbers hold no more."""

_FIRST = 4
_CHANNELS = (256, 128, 64, 32, 16)


class Autoencoder(Objective):
    """Masci et al., "Stacked convolutional auto-encoders", ICANN 2011; the encoder is the base."""

    rate: ClassVar[float] = 5e-4
    blend: ClassVar[float] = 1.0  # what the decoder reads
    odds: ClassVar[Mapping[str, float]] = {"mirror": 0.5, "exposure": 0.8}

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Linear(dim, _CHANNELS[0] * _FIRST**2),
            nn.Unflatten(1, (_CHANNELS[0], _FIRST, _FIRST)),
            nn.ReLU(),
        ]
        for before, after in pairwise(_CHANNELS):
            doubled = nn.Upsample(scale_factor=2)
            layers += [doubled, nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(_CHANNELS[-1], 3, 3, padding=1))

    def rebuilt(self, rows: Tensor) -> Tensor:
        """Images of 0 to 1, shape (rows, 3, SIDE, SIDE)."""
        images: Tensor = self.decoder(rows).sigmoid()
        return images

    def forward(self, rows: Tensor, shown: Tensor, numbers: Tensor) -> Tensor:
        """See Objective: the mean squared error of a pixel."""
        wanted = functional.interpolate(shown.float() / 255, (SIDE, SIDE), mode="area")
        return functional.mse_loss(self.rebuilt(rows), wanted)
