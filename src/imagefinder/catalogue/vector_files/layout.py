"""Layout of vectors: what a file of them tells about the encoder, if nothing else does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagefinder.errors import ExchangeError
from imagefinder.similarity import dtype
from imagefinder.types import Features, Measure


class Layout(NamedTuple):
    """The length of a vector, and how it is compared unless somebody knows better."""

    dim: int
    measure: Measure


def layout_of(vectors: Features, where: str) -> Layout:
    """Of a matrix. Raises ExchangeError unless its rows can be vectors."""
    if vectors.ndim == 2 and vectors.shape[1]:
        for measure in ("cosine", "hamming"):
            if vectors.dtype == np.dtype(dtype(measure)):
                return Layout(vectors.shape[1], measure)
    raise ExchangeError(
        f"{where} contains {vectors.dtype} {vectors.shape}: expected (n, dim) in float32, "
        "or in uint8 for packed bits"
    )
