"""Patch tokens of a vision transformer (ViT) as local features."""

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
    """Patch tokens of a pretrained model with ``patches``, without class and register tokens.

    The whole image is stretched to the model's square, so that nothing is cropped. Tokens come row
    by row of the grid, not in order of importance.
    """

    @property
    def measure(self) -> Measure:
        """Cosine, whatever the measure of the model's global embeddings."""
        return "cosine"

    @property
    def resize(self) -> Resize:
        """Stretched to the model's square."""
        return replace(self.row.resize, mode="stretch", keep=1.0)

    def extract(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """See Extractor: one unit descriptor per patch, at the center of the patch."""
        if not images:
            return []
        tokens = self._tokens.tensors(images)
        side = isqrt(tokens.shape[1])  # class and register tokens would not fill another grid row
        patches = tokens[:, -side * side :]
        return [LocalFeatures(_centers(side), unit(one)) for one in patches]

    @cached_property
    def _tokens(self) -> Onnx:
        return self.graph(output="tokens")


def _centers(side: int) -> Points:
    middles = ((np.arange(side) + 0.5) / side).astype(np.float32)
    down, across = np.meshgrid(middles, middles, indexing="ij")
    centers: NDArray[np.float32] = np.stack([across.ravel(), down.ravel()], axis=1)
    return centers
