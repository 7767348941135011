"""The patches of a transformer as local features: each token is about one place in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.pretrained import PretrainedGraph
from imagefinder.similarity import unit
from imagefinder.types import Image, LocalFeatures, Measure, Points, Resize


@dataclass(frozen=True)
class Patches(PretrainedGraph):
    """The last tokens of a row with ``patches``, without those that stand for no place.

    The whole image is stretched to the model's square, so no part of it is left out. The order
    is row by row: the tokens do not tell which of them is the most telling.
    """

    @property
    def measure(self) -> Measure:
        """Cosine, whatever the row says of whole images."""
        return "cosine"

    @property
    def resize(self) -> Resize:
        """The model's square."""
        return replace(self.row.resize, mode="stretch", keep=1.0)

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """One unit row of ``dim`` float32 for each patch."""
        if not images:
            return []
        tokens = self._tokens.tensors(images)
        side = isqrt(tokens.shape[1])  # class and register tokens are fewer than one more line
        patches = tokens[:, -side * side :]
        return [LocalFeatures(_centres(side), unit(one)) for one in patches]

    @cached_property
    def _tokens(self) -> Onnx:
        return self.graph(output="tokens")


def _centres(side: int) -> Points:
    middles = ((np.arange(side) + 0.5) / side).astype(np.float32)
    down, across = np.meshgrid(middles, middles, indexing="ij")
    centres: NDArray[np.float32] = np.stack([across.ravel(), down.ravel()], axis=1)
    return centres
