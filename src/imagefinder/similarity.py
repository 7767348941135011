"""The measures: the only place that knows how two vectors are compared.

Scores point one way everywhere: higher is closer, and 1 is identical (``dot`` has no upper bound).

| measure | score         | distance                |
|---------|---------------|-------------------------|
| cosine  | cos           | 1 - cos                 |
| l2      | 1 / (1 + d)   | d, the Euclidean length |
| dot     | the product   | minus the product       |
| hamming | 1 - d / bits  | d, the bits that differ |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Features, Measure

Scores = NDArray[np.float32]
Pairs = NDArray[np.intp]


def dtype(measure: Measure) -> type[np.float32] | type[np.uint8]:
    """What vectors compared by this measure are made of."""
    return np.uint8 if measure == "hamming" else np.float32


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def normalized_for(measure: Measure, vectors: Features) -> Features:
    """The vectors in the form that ``scores`` compares: unit length for cosine, else unchanged."""
    if measure == "cosine":
        return unit(vectors)
    return vectors


def scores(measure: Measure, queries: Features, rows: Features) -> Scores:
    """Scores of every query against every row, ``(m, n)``; both sides ``prepared`` before."""
    if measure == "hamming":
        return _hamming(queries, rows)
    if measure == "l2":
        return _l2(queries, rows)
    products = np.asarray(queries @ rows.T, dtype=np.float32)
    return np.clip(products, -1, 1) if measure == "cosine" else products  # rounding may exceed 1


def scores_of_each(measure: Measure, queries: Features, rows: Features) -> Scores:
    """Scores of each query with rows of its own: ``(m, dim)`` and ``(m, n, dim)`` to ``(m, n)``."""
    if measure in ("cosine", "dot"):
        products: Scores = np.einsum("md,mnd->mn", queries, rows)
        return np.clip(products, -1, 1) if measure == "cosine" else products
    lines = [scores(measure, one[None], own)[0] for one, own in zip(queries, rows, strict=True)]
    return np.stack(lines)


def distances(measure: Measure, scores: Scores, dim: int) -> Scores:
    """The measure's own distances, from scores; ``dim`` is the number of columns compared."""
    if measure == "cosine":
        return np.float32(1) - scores
    if measure == "l2":
        return np.float32(1) / scores - np.float32(1)
    if measure == "hamming":
        return np.round((np.float32(1) - scores) * np.float32(8 * dim))
    return -scores


def scores_of(measure: Measure, distances: Scores, dim: int) -> Scores:
    """The inverse of ``distances``."""
    if measure == "cosine":
        return np.float32(1) - distances
    if measure == "l2":
        return np.float32(1) / (np.float32(1) + distances)
    if measure == "hamming":
        return np.float32(1) - distances / np.float32(8 * dim)
    return -distances


def mutual_neighbors(scores: Scores) -> Pairs:
    """Pairs (i, j), ``(p, 2)``, of which each is the other's best; the first of equals counts.

    ``scores`` compares every row of one image with every row of another, ``(m, n)``.
    """
    if not scores.size:
        return np.empty((0, 2), np.intp)
    best, back = scores.argmax(axis=1), scores.argmax(axis=0)
    rows = np.arange(len(scores))
    mutual = back[best] == rows
    return np.stack([rows[mutual], best[mutual]], axis=1)


def ratio_test(scores: Scores, pairs: Pairs, ratio: float) -> Pairs:
    """Those of the pairs whose row has no second match nearly as near.

    The distance to the best is at most ``ratio`` times that to the second; ``scores`` are cosines.
    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
    """
    if scores.shape[1] < 2:
        return pairs
    rows, columns = pairs.T
    others = scores[rows]
    best = others[np.arange(len(rows)), columns]
    others[np.arange(len(rows)), columns] = -np.inf
    # |a - b|² = 2 - 2 cos for rows of length 1
    nearest, second = 1 - best, 1 - others.max(axis=1)
    kept: Pairs = pairs[nearest <= ratio**2 * second]
    return kept


def _hamming(queries: Features, rows: Features) -> Scores:
    bits = 8 * rows.shape[1]
    differing = np.array([np.bitwise_count(query ^ rows).sum(axis=1) for query in queries])
    return 1 - differing.reshape(len(queries), len(rows)).astype(np.float32) / np.float32(bits)


def _l2(queries: Features, rows: Features) -> Scores:
    # the differences themselves: |a|² + |b|² - 2ab cancels to noise for near copies
    lengths = np.array([np.linalg.norm(rows - query, axis=1) for query in queries], np.float32)
    return np.float32(1) / (np.float32(1) + lengths.reshape(len(queries), len(rows)))
