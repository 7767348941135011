"""Int8 scalar quantization (SQ8), with a bound on the error of each dot product.

A quarter of the bytes to read, and integer dot products, which SIMD kernels compute fastest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numkong
import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.array_file import ArrayStream
from imagefinder.types import Features

_MAX_CODE = 127
_FEW = 2  # queries, for which packing does not pay
_ROUNDING = 1e-5  # more than the error of 32-bit sums

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Int8Rows:
    """Quantized vectors: row i is ``scales[i] * codes[i]`` plus a residual."""

    codes: NDArray[np.int8]
    scales: Floats
    residual_norms: Floats
    norms: Floats
    """Of the original rows."""

    @classmethod
    def quantize(cls, rows: Features) -> Int8Rows:
        """Each row with its own scale: its largest absolute value becomes 127."""
        scales = np.abs(rows).max(axis=1, initial=0) / np.float32(_MAX_CODE)
        steps = rows / np.where(scales > 0, scales, 1)[:, None]
        codes = np.rint(steps, out=steps).astype(np.int8)
        residual_norms = np.linalg.norm(rows - scales[:, None] * codes, axis=1)
        return cls(codes, scales, residual_norms, np.linalg.norm(rows, axis=1))

    def __len__(self) -> int:
        return len(self.scales)

    def __getitem__(self, rows: slice) -> Int8Rows:
        return Int8Rows(*(getattr(self, name)[rows] for name in COLUMNS))


COLUMNS = tuple(column.name for column in fields(Int8Rows))
"""The names of the arrays in a file."""


def quantized_streams(blocks: Iterable[Features], shape: tuple[int, int]) -> dict[str, ArrayStream]:
    """Rows quantized while they are written, block by block; only the codes are large.

    The streams must be written in their order: the codes fill the others.
    """
    columns: dict[str, list[Floats]] = {name: [] for name in COLUMNS[1:]}

    def codes() -> Iterable[NDArray[np.int8]]:
        for block in blocks:
            rows = Int8Rows.quantize(block)
            for name, chunks in columns.items():
                chunks.append(getattr(rows, name))
            yield rows.codes

    floats = {n: ArrayStream(np.dtype("<f4"), shape[:1], chunks) for n, chunks in columns.items()}
    return {COLUMNS[0]: ArrayStream(np.dtype(np.int8), shape, codes()), **floats}


def dot_products(queries: Int8Rows, rows: Int8Rows) -> tuple[Floats, Floats]:
    """Approximate dot products of every query with every row, ``(m, n)``, and their error bounds.

    With x = s c + e for rows and q = t d + f for queries, q·x = t s d·c + q·e + f·(s c). The
    Cauchy-Schwarz inequality bounds the last two terms by the norms.
    """
    products = _integer_products(queries.codes, rows.codes) * queries.scales[:, None]
    products *= rows.scales
    row_errors = rows.residual_norms + np.float32(_ROUNDING) * rows.norms
    errors = np.multiply.outer(queries.norms, row_errors)
    errors += np.multiply.outer(queries.residual_norms, rows.norms + rows.residual_norms)
    return products, errors


def _integer_products(queries: NDArray[np.int8], rows: NDArray[np.int8]) -> Floats:
    if len(queries) <= _FEW:
        return np.asarray(numkong.cdist(queries, rows, "dot")).astype(np.float32)
    packed = numkong.dots_pack(queries)
    return np.asarray(numkong.dots_packed(rows, packed)).T.astype(np.float32, order="C")
