"""Brute-force k-NN: queries compared with all rows of some segments, or with a subset of keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.indexes.pruning import prune
from imagefinder.indexes.scalar_quantization import Int8Rows
from imagefinder.indexes.segment import RowNumbers, Segment
from imagefinder.indexes.topk import concatenate, empty_neighbors, merge_top_k, pad
from imagefinder.similarity import scores
from imagefinder.types import Features, Keys, Measure, Neighbors

_BATCH = 64  # queries that share one pass
_SPARSE = 8  # fewer rows than one in so many are compared without pruning


def brute_force(
    segments: Sequence[Segment],
    measure: Measure,
    queries: Features,
    k: int,
    subset: Keys | None = None,
) -> Neighbors:
    """The k nearest rows of each query; ``queries`` are ``normalized_for`` the measure.

    In a quantized segment int8 scores first prune what provably cannot be among the k nearest;
    only the candidates that remain are compared in full, so the result is exact.
    """
    results = []
    for start in range(0, len(queries), _BATCH):
        batch = queries[start : start + _BATCH]
        found = [_search_segment(segment, measure, batch, k, subset) for segment in segments]
        results.append(merge_top_k([empty_neighbors(len(batch)), *found], k))
    return concatenate(results)


def _search_segment(
    segment: Segment, measure: Measure, queries: Features, k: int, subset: Keys | None
) -> Neighbors:
    rows = segment.live if subset is None else segment.row_numbers(subset)
    if segment.quantized is None or (rows is not None and len(rows) * _SPARSE < len(segment)):
        return _search_rows(segment, measure, rows, queries, k)
    allowed = None
    if rows is not None:
        allowed = np.zeros(len(segment), np.bool_)
        allowed[rows] = True
    candidates = prune(Int8Rows.quantize(queries), segment.quantized, measure, k, allowed)
    found = [
        _search_rows(segment, measure, some, query[None], k)
        for some, query in zip(candidates, queries, strict=True)
    ]
    return pad([(one.keys[0], one.scores[0]) for one in found])


def _search_rows(
    segment: Segment, measure: Measure, rows: RowNumbers | None, queries: Features, k: int
) -> Neighbors:
    best = empty_neighbors(len(queries))
    for keys, vectors in segment.blocks(rows):
        found = scores(measure, queries, vectors)
        best = merge_top_k([best, Neighbors(np.broadcast_to(keys, found.shape), found)], k)
    return best
