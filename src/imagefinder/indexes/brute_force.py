"""Queries compared with all rows of some parts, or with those of chosen keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.indexes.pruning import candidates
from imagefinder.indexes.scalar_quantization import Codes
from imagefinder.indexes.segment import Part, Places
from imagefinder.indexes.topk import best_of, concatenated, nothing, stacked
from imagefinder.similarity import scores
from imagefinder.types import Features, Keys, Measure, Neighbors

_GROUP = 64  # queries that share one pass
_SPARSE = 8  # fewer rows than one in so many are compared at once


def compare(
    parts: Sequence[Part], measure: Measure, queries: Features, k: int, subset: Keys | None = None
) -> Neighbors:
    """The k nearest rows, as brute force finds them; ``queries`` are prepared as the rows are.

    A large part is looked through in 8 bits a number first, and then what may be among the nearest,
    by proof and not by chance, in full (``first_pass``).
    """
    found = []
    for start in range(0, len(queries), _GROUP):
        some = queries[start : start + _GROUP]
        of_parts = [_nearest(part, measure, some, k, subset) for part in parts]
        found.append(best_of([nothing(len(some)), *of_parts], k))
    return concatenated(found)


def _nearest(
    part: Part, measure: Measure, queries: Features, k: int, subset: Keys | None
) -> Neighbors:
    places = part.left if subset is None else part.places(subset)
    if part.codes is None or (places is not None and len(places) * _SPARSE < len(part)):
        return _in_full(part, measure, places, queries, k)
    allowed = None
    if places is not None:
        allowed = np.zeros(len(part), np.bool_)
        allowed[places] = True
    possible = candidates(Codes.of(queries), part.codes, measure, k, allowed)
    found = [
        _in_full(part, measure, rows, query[None], k)
        for rows, query in zip(possible, queries, strict=True)
    ]
    return stacked([(one.keys[0], one.scores[0]) for one in found])


def _in_full(
    part: Part, measure: Measure, places: Places | None, queries: Features, k: int
) -> Neighbors:
    best = nothing(len(queries))
    for keys, vectors in part.blocks(places):
        here = scores(measure, queries, vectors)
        best = best_of([best, Neighbors(np.broadcast_to(keys, here.shape), here)], k)
    return best
