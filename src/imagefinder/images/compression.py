"""Compression history: how an image was compressed, and traces of double compression.

JPEG rounds the coefficients of each block of 8 × 8 pixels to multiples of the steps in its
quantization table. The traces stay: an image that is decoded, changed a little and saved again has
coefficients near multiples of the earlier steps, on the earlier grid, whatever its own file says
(Lukáš and Fridrich, "Estimation of primary quantization matrix in double compressed JPEG images",
2003). So of two files the one that was made from the other can be told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import NamedTuple

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.images.budget import BUDGET
from imagefinder.images.cost.estimate import estimate
from imagefinder.images.formats import open_image
from imagefinder.images.isolation import is_costly
from imagefinder.images.limits import LIMITS, Limits

Matrix = NDArray[np.float32]

CERTAIN = 65.0
"""Single compression leaves 23 to 59; mirrored copies at quality 90 from 149, at 80 from 41."""

_SIDE = 320  # pixels of the part in the middle that is examined
_FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0), (2, 2))
# of the luminance table in Annex K of the JPEG standard, which stands for quality 50
_STANDARD = np.array([11, 12, 14, 12, 10, 16, 14, 13, 14, 16], np.float32)
_STANDARD_SUM = 3688  # of all 64 entries
_BINS = 256
_BIN = 0.5  # gray levels
_STEPS = np.arange(3, 80, 0.5, dtype=np.float32)
_FEW = 25  # coefficients that tell nothing about a step
_COARSER = 1.3  # an earlier step shows only if it is this many times the file's own
_ROUNDING = 0.3  # gray levels: what rounding to pixels adds to a coefficient
_STRONG = 5.0  # standard deviations of a step that is certain


@dataclass(frozen=True)
class Compression:
    """How an image was compressed."""

    quality: float | None = None
    """Of its JPEG tables, 1 to 100; None for other formats."""
    subsampled: bool = False
    """Whether a JPEG file keeps fewer colors than pixels."""
    earlier: float | None = None
    """The JPEG quality at which its pixels had been compressed before; None if that cannot be
    seen."""
    traces: float = 0.0
    """How strong the traces of an earlier compression are: from ``CERTAIN`` on there was one."""

    @property
    def worst(self) -> float:
        """The lower quality of the two; 100 for what has no trace of JPEG."""
        return min(self.quality or 100.0, self.earlier or 100.0)


class _Periodicity(NamedTuple):
    """How well multiples of each step explain the coefficients of one grid."""

    mean: Matrix
    """Of the cosines, ``(frequencies, steps)``: 1 if all are multiples, 0 for no step."""
    weight: Matrix
    """How many coefficients that is of."""


def compression_of(data: bytes, limits: Limits = LIMITS) -> Compression:
    """The compression history of a file's bytes. Raises what a decoder does.

    Of an image that is costly to decode only the file's own tables count.
    """
    cost = estimate(data, None)
    with open_image(BytesIO(data)) as image:
        table = _table(image)
        quality = None if table is None else _quality(table.sum() / _STANDARD_SUM)
        known = Compression(quality, _is_subsampled(image))
        if is_costly(cost, limits):
            return known
        with BUDGET.claim(cost.memory, costly=False):
            luma = _middle(image)
    earlier, traces = _earlier(luma, None if table is None else _selected(table))
    if quality is not None and earlier is not None and earlier > quality:
        return known  # it would not be seen through a coarser one, so these are the file's own
    return replace(known, earlier=earlier, traces=traces)


def _table(image: PIL.Image.Image) -> NDArray[np.float64] | None:
    """The luminance table of a JPEG file, ``(8, 8)``."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    return np.array(tables[min(tables)], np.float64).reshape(8, 8)


def _selected(table: NDArray[np.float64]) -> Matrix:
    return np.array([table[place] for place in _FREQUENCIES], np.float32)


def _quality(scale: float) -> float:
    """The quality that the Independent JPEG Group's library gives a table, 1 at least."""
    percent = 100 * float(scale)
    return max(1.0, 100 - percent / 2 if percent <= 100 else 5000 / percent)


def _is_subsampled(image: PIL.Image.Image) -> bool:
    layers = getattr(image, "layer", None) or ()
    return any(layer[1:3] != (1, 1) for layer in layers[:1])


def _middle(image: PIL.Image.Image) -> Matrix:
    """The luma in the middle, as stored; its grid begins at the upper left."""
    left, top = (max(0, (side - _SIDE) // 2) // 8 * 8 for side in image.size)
    box = left, top, min(image.width, left + _SIDE), min(image.height, top + _SIDE)
    part = image.crop(box)
    plane = part if part.mode == "L" else part.convert("RGB").convert("YCbCr").getchannel(0)
    return np.asarray(plane, np.float32) - 128


def _earlier(luma: Matrix, own: Matrix | None) -> tuple[float | None, float]:
    """The quality of an earlier compression, and how strong its traces are.

    ``own`` are the steps of the file itself.
    """
    if min(luma.shape) < 16:
        return None, 0.0
    grids = [_periodicity(_coefficients(luma, *divmod(grid, 8))) for grid in range(64)]
    means, counts = (np.stack(one) for one in zip(*grids, strict=True))
    certainty = (means - np.median(means, axis=0)) * np.sqrt(2 * counts)
    if own is not None:
        certainty[0] = _beyond_own(luma, own, grids[0])
    certainty = np.where(counts >= _FEW, certainty, 0)
    best = certainty.max(axis=2)
    totals = np.sort(best, axis=1)[:, -8:].sum(axis=1)
    grid = int(totals.argmax())
    traces = float(totals[grid])
    if traces < CERTAIN:
        return None, traces
    certain = best[grid] >= min(_STRONG, float(best[grid].max()))
    steps = _STEPS[certainty[grid].argmax(axis=1)]
    quality = _quality(float(np.median(steps[certain] / _STANDARD[certain])))
    return quality, traces


def _beyond_own(luma: Matrix, own: Matrix, found: _Periodicity) -> Matrix:
    """How certain steps are on the file's own grid, beyond what its own steps explain.

    A grid shifted by half a block shows what coefficients would be without any quantization.
    """
    free = np.rint(_coefficients(luma, 4, 4) / own) * own
    noise = np.random.default_rng(0).normal(0, _ROUNDING, free.shape)
    expected = _periodicity((free + noise).astype(np.float32))
    counts = found.weight * expected.weight / np.maximum(found.weight + expected.weight, 1)
    certainty = (found.mean - expected.mean) * np.sqrt(2 * counts)
    return np.where(_COARSER * own[:, None] < _STEPS, certainty, 0)


def _coefficients(luma: Matrix, down: int, across: int) -> Matrix:
    """The coefficients of all whole blocks of a grid, ``(blocks, frequencies)``."""
    rows, columns = (luma.shape[0] - down) // 8, (luma.shape[1] - across) // 8
    blocks = luma[down : down + 8 * rows, across : across + 8 * columns]
    blocks = blocks.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    return np.asarray(blocks @ _BASIS)


def _periodicity(coefficients: Matrix) -> _Periodicity:
    bins = np.minimum(np.rint(np.abs(coefficients) / _BIN).astype(np.intp), _BINS)
    frequencies = coefficients.shape[1]
    bins += np.arange(frequencies) * (_BINS + 1)
    counts = np.bincount(bins.ravel(), minlength=frequencies * (_BINS + 1))
    histograms = counts.reshape(frequencies, -1)[:, :_BINS].astype(np.float32)
    count = histograms @ _IS_COUNTED
    return _Periodicity(histograms @ _COSINES / np.maximum(count, 1), count)


def _basis() -> Matrix:
    """The basis images of the frequencies, ``(64, frequencies)``."""
    places = np.arange(8)
    cosines = np.cos((2 * places + 1) * places[:, None] * np.pi / 16) / 2
    cosines[0] /= np.sqrt(2)
    images = [np.outer(cosines[down], cosines[across]).ravel() for down, across in _FREQUENCIES]
    return np.stack(images, axis=1).astype(np.float32)


_BASIS = _basis()
_VALUES = np.arange(_BINS, dtype=np.float32)[:, None] * _BIN
# coefficients that round to zero are near a multiple of any step
_IS_COUNTED: Matrix = (_VALUES > 0.55 * _STEPS).astype(np.float32)
_COSINES: Matrix = (np.cos(2 * np.pi * _VALUES / _STEPS) * _IS_COUNTED).astype(np.float32)
