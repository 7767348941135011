"""Evidence of pairs of images, as the columns by which a verdict model judges them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from imagefinder.encoders.regions import whole_rows
from imagefinder.images.ncc import MIN_CONTENT, Alignment, align, is_sparse
from imagefinder.similarity import normalized_for, scores
from imagefinder.types import Features, Measure, Recipe, Signature
from imagefinder.verification.calibration import stretched
from imagefinder.verification.pareto import Values
from imagefinder.verification.verdict_model import COLUMNS

_HIGHEST = 0.999  # a correlation, so that its arc tangent is finite
_LEAST_OVERLAP = 0.01
_UNKNOWN_COLOR = 0.9  # where either image is gray: as most copies in color have
# of what a sparse image reaches with itself: 0.90 (icons) to 0.99 (tables), the less it shows;
# another table with the same lines reaches 0.957 of it, a smaller or turned JPEG of one 0.966
_SPARSE_SHARE = 0.963
_LEAST_SPARSE = 0.8  # below, no copy of a sparse image is looked for


def evidence_columns(
    measure: Measure, alignments: Sequence[Alignment], scores: Sequence[float]
) -> Values:
    """A row of COLUMNS for each pair, ``(n, d)``: of the aligned pixels and the encoder's score."""
    pairs = zip(alignments, stretched(measure, np.array(scores)).tolist(), strict=True)
    rows = [
        (
            1.0,
            np.arctanh(min(one.trimmed, _HIGHEST)),
            np.log(max(min(one.overlap, one.other_overlap), _LEAST_OVERLAP)),
            _UNKNOWN_COLOR if one.color is None else one.color,
            score,
        )
        for one, score in pairs
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(COLUMNS))


def whole_score(recipe: Recipe, one: Features, other: Features) -> float:
    """The encoder's score of two whole images: MaxSim of the first one's vectors.

    0 if either has no vectors.
    """
    rows = [normalized_for(recipe.measure, whole_rows(recipe, each)) for each in (one, other)]
    if not all(map(len, rows)):
        return 0.0
    return float(scores(recipe.measure, *rows).max(axis=1).mean())


def is_undecided(one: Signature, other: Signature, correlation: float) -> bool:
    """Whether the pixels show too little: blank pages, or slides of one layout."""
    if min(one.content, other.content) < MIN_CONTENT:
        return True
    if not (is_sparse(one) or is_sparse(other)):
        return False
    if correlation < _LEAST_SPARSE:
        return True
    return correlation < _SPARSE_SHARE * min(_with_itself(one), _with_itself(other))


@lru_cache(256)
def _with_itself(one: Signature) -> float:
    """The correlation of an image with itself: below 1, since faint areas count as noise."""
    return align(one, [one])[0].correlation
