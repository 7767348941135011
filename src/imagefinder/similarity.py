"""Similarity measures: cosine, Euclidean (l2), dot product and Hamming distance.

The only module that knows them. Scores point one way everywhere: higher is closer, and 1 is
identical (``dot`` has no upper bound).

| measure | score         | distance                |
|---------|---------------|-------------------------|
| cosine  | cos           | 1 - cos                 |
| l2      | 1 / (1 + d)   | d, Euclidean distance   |
| dot     | dot product   | minus the dot product   |
| hamming | 1 - d / bits  | d, differing bits       |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.types import Features, Measure

Scores = NDArray[np.float32]
Pairs = NDArray[np.intp]


def dtype(measure: Measure) -> type[np.float32] | type[np.uint8]:
    """The dtype of vectors compared by this measure; uint8 holds packed bits."""
    return np.uint8 if measure == "hamming" else np.float32


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows L2-normalized to length 1; a row of zeros stays as it is."""
    # for a single row, np.linalg.norm takes longer than all else
    lengths = np.sqrt(np.add.reduce(vectors * vectors, axis=1, keepdims=True))
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def normalized_for(measure: Measure, vectors: Features) -> Features:
    """The vectors as ``scores`` takes them: L2-normalized for cosine, else unchanged."""
    if measure == "cosine":
        return unit(vectors)
    return vectors


def scores(measure: Measure, queries: Features, rows: Features) -> Scores:
    """Scores of every query with every row, ``(m, n)``; both are ``normalized_for`` the measure."""
    if measure == "hamming":
        return _hamming(queries, rows)
    if measure == "l2":
        return _l2(queries, rows)
    products = np.asarray(queries @ rows.T, dtype=np.float32)
    return np.clip(products, -1, 1) if measure == "cosine" else products  # rounding may exceed 1


def scores_of_each(measure: Measure, queries: Features, rows: Features) -> Scores:
    """Scores of each query with its own rows: ``(m, dim)`` and ``(m, n, dim)`` to ``(m, n)``."""
    if measure in ("cosine", "dot"):
        products: Scores = np.einsum("md,mnd->mn", queries, rows)
        if measure == "cosine":  # np.clip takes longer than the product for a single query
            np.minimum(np.maximum(products, -1, out=products), 1, out=products)
        return products
    lines = [scores(measure, one[None], own)[0] for one, own in zip(queries, rows, strict=True)]
    return np.stack(lines)


def distances(measure: Measure, scores: Scores, dim: int) -> Scores:
    """Scores as distances in the measure's unit; ``dim`` is the number of columns."""
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
    """Mutual nearest neighbors: pairs (i, j), ``(p, 2)``; the first of equal scores counts.

    ``scores`` of every row of one image with every row of another, ``(m, n)``.
    """
    if not scores.size:
        return np.empty((0, 2), np.intp)
    best, back = scores.argmax(axis=1), scores.argmax(axis=0)
    rows = np.arange(len(scores))
    mutual = back[best] == rows
    return np.stack([rows[mutual], best[mutual]], axis=1)


def ratio_test(scores: Scores, pairs: Pairs, ratio: float) -> Pairs:
    """Lowe's ratio test: the pairs whose row has no second neighbor nearly as near.

    The distance to the pair's column is at most ``ratio`` times that to the nearest other one.
    ``scores`` are cosines, ``(m, n)``.
    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
    """
    if scores.shape[1] < 2:
        return pairs
    rows, columns = pairs.T
    others = scores[rows]
    best = others[np.arange(len(rows)), columns]
    others[np.arange(len(rows)), columns] = -np.inf
    # |a - b|² = 2 - 2 cos for unit rows
    nearest, second = 1 - best, 1 - others.max(axis=1)
    passing: Pairs = pairs[nearest <= ratio**2 * second]
    return passing


def _hamming(queries: Features, rows: Features) -> Scores:
    bits = 8 * rows.shape[1]
    differing = np.array([np.bitwise_count(query ^ rows).sum(axis=1) for query in queries])
    return 1 - differing.reshape(len(queries), len(rows)).astype(np.float32) / np.float32(bits)


def _l2(queries: Features, rows: Features) -> Scores:
    # from differences: |a|² + |b|² - 2ab would cancel to noise for near-duplicates
    distances = np.array([np.linalg.norm(rows - query, axis=1) for query in queries], np.float32)
    return np.float32(1) / (np.float32(1) + distances.reshape(len(queries), len(rows)))
