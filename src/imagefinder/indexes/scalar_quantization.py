"""Rows rounded to 8 bits a number, and how far their products can be from the true ones.

A quarter of the bytes to read, and integer products, which SIMD kernels sum fastest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numkong
import numpy as np
from numpy.typing import NDArray

from imagefinder.indexes.array_file import Streamed
from imagefinder.types import Features

_LEVELS = 127
_FEW = 2  # queries, for which packing does not pay
_ROUNDING = 1e-5  # of 32-bit sums, more than they can be off

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Codes:
    """``scales[i] * numbers[i]`` is row i, but for a rest of length ``rests[i]``."""

    numbers: NDArray[np.int8]
    scales: Floats
    rests: Floats
    lengths: Floats
    """Of the rows as they were."""

    @classmethod
    def of(cls, rows: Features) -> Codes:
        """Each row by its own scale: its largest number becomes 127."""
        scales = np.abs(rows).max(axis=1, initial=0) / np.float32(_LEVELS)
        steps = rows / np.where(scales > 0, scales, 1)[:, None]
        numbers = np.rint(steps, out=steps).astype(np.int8)
        rests = np.linalg.norm(rows - scales[:, None] * numbers, axis=1)
        return cls(numbers, scales, rests, np.linalg.norm(rows, axis=1))

    def __len__(self) -> int:
        return len(self.scales)

    def __getitem__(self, rows: slice) -> Codes:
        return Codes(*(getattr(self, one.name)[rows] for one in fields(self)))


CODES = tuple(column.name for column in fields(Codes))
"""What is kept of them in a file."""


def streamed(blocks: Iterable[Features], shape: tuple[int, int]) -> dict[str, Streamed]:
    """The codes of rows that come block by block, to be written: only the numbers are many."""
    lines: dict[str, list[Floats]] = {name: [] for name in CODES[1:]}

    def numbers() -> Iterator[NDArray[np.int8]]:
        for block in blocks:
            codes = Codes.of(block)
            for name, pieces in lines.items():
                pieces.append(getattr(codes, name))
            yield codes.numbers

    floats = {name: Streamed(np.dtype("<f4"), shape[:1], of) for name, of in lines.items()}
    return {CODES[0]: Streamed(np.dtype(np.int8), shape, numbers()), **floats}


def products(queries: Codes, rows: Codes) -> tuple[Floats, Floats]:
    """Dot products of every query with every row, ``(m, n)``, and how far off each may be.

    With x = s c + e for rows and q = t d + f for queries, q·x = t s d·c + q·e + f·(s c), of which
    Cauchy and Schwarz bound the last two by their lengths.
    """
    sums = _sums(queries.numbers, rows.numbers)
    about = sums * queries.scales[:, None]
    about *= rows.scales
    away = np.multiply.outer(queries.lengths, rows.rests + np.float32(_ROUNDING) * rows.lengths)
    away += np.multiply.outer(queries.rests, rows.lengths + rows.rests)
    return about, away


def _sums(queries: NDArray[np.int8], rows: NDArray[np.int8]) -> Floats:
    if len(queries) <= _FEW:
        return np.asarray(numkong.cdist(queries, rows, "dot")).astype(np.float32)
    packed = numkong.dots_pack(queries)
    return np.asarray(numkong.dots_packed(rows, packed)).T.astype(np.float32, order="C")
