"""Selective match kernel: each local descriptor of a query votes for the images like it.

Tolias, Avrithis and Jégou, "To aggregate or not to aggregate: selective match kernels for image
search", ICCV 2013, with one side aggregated.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.indexes.array_file import ArrayStream
from imagefinder.indexes.exact import Exact
from imagefinder.indexes.scalar_quantization import COLUMNS
from imagefinder.indexes.segment import Segment
from imagefinder.indexes.topk import empty_neighbors, merge_top_k
from imagefinder.types import Features, Keys, Neighbors

Matrix = NDArray[np.float32]


class SelectiveMatch(Exact):
    """VLAD vectors, compared with a query's descriptors one by one.

    A descriptor without a counterpart adds next to nothing, so an image pasted into another is
    found however much else the other shows.
    """

    def __init__(self, words: int, axes: int) -> None:
        """Empty; each row holds ``axes`` values for each of ``words`` words, of length 1 or 0."""
        super().__init__(words * axes, "dot")
        self._axes = axes

    def shortlist(
        self, words: NDArray[np.intp], residuals: Matrix, k: int, subset: Keys | None = None
    ) -> list[int]:
        """The keys of the k images with the most votes, best first.

        ``residuals``, ``(m, axes)``, are of length 1, each at the word of the same place.
        """
        blocks = (block for segment in self._segments for block in _blocks(segment, subset))
        with ThreadPoolExecutor(cores(), "votes") as threads:
            votes = partial(self._votes, words=words, residuals=residuals)
            found = list(prefetch_map(threads, votes, blocks, ahead=cores()))
        keys: list[int] = merge_top_k([empty_neighbors(1), *found], k).keys[0].tolist()
        return keys

    def _votes(
        self, block: tuple[Keys, Features], words: NDArray[np.intp], residuals: Matrix
    ) -> Neighbors:
        keys, vectors = block
        sums = np.zeros(len(keys), np.float32)
        for word in np.unique(words):
            own = vectors[:, word * self._axes : (word + 1) * self._axes]
            cosines = np.maximum(residuals[words == word] @ own.T, 0)
            fourth = np.square(np.square(cosines))
            sums += np.einsum("ij,ij->j", fourth, fourth)  # the eighth power: selectivity
        return Neighbors(keys[None], sums[None])

    def _streams(self) -> dict[str, ArrayStream]:
        """Without int8 codes, which no vote would use."""
        return {name: one for name, one in super()._streams().items() if name not in COLUMNS}


def _blocks(segment: Segment, subset: Keys | None) -> Iterator[tuple[Keys, Features]]:
    yield from segment.blocks(segment.live if subset is None else segment.row_numbers(subset))
