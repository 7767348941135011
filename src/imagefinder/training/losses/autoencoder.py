"""Autoencoder: the image is reconstructed from its embedding (mean squared error)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.losses.base import Objective

SIDE = 64
"""Pixels a side of a reconstruction: a few hundred numbers hold no more detail."""

_FIRST = 4
_CHANNELS = (256, 128, 64, 32, 16)


class Autoencoder(Objective):
    """Masci et al., "Stacked convolutional auto-encoders", ICANN 2011."""

    rate: ClassVar[float] = 5e-4
    blend: ClassVar[float] = 1.0  # the decoder reads the fine-tuned embeddings
    augmentations: ClassVar[Mapping[str, float]] = {"flip": 0.5, "brightness_contrast": 0.8}

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Linear(dim, _CHANNELS[0] * _FIRST**2),
            nn.Unflatten(1, (_CHANNELS[0], _FIRST, _FIRST)),
            nn.ReLU(),
        ]
        for before, after in pairwise(_CHANNELS):
            upsampled = nn.Upsample(scale_factor=2)
            layers += [upsampled, nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(_CHANNELS[-1], 3, 3, padding=1))

    def reconstruct(self, embeddings: Tensor) -> Tensor:
        """Images of 0 to 1, shape (embeddings, 3, SIDE, SIDE)."""
        images: Tensor = self.decoder(embeddings).sigmoid()
        return images

    def forward(self, embeddings: Tensor, pixels: Tensor, indices: Tensor) -> Tensor:
        """See Objective: the mean squared error per pixel."""
        target = functional.interpolate(pixels.float() / 255, (SIDE, SIDE), mode="area")
        return functional.mse_loss(self.reconstruct(embeddings), target)
