"""Dimensionality reduction to two dimensions: t-SNE, UMAP or PCA projection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.extras import optional_import

Projection: TypeAlias = Literal["tsne", "pca", "umap"]

Vectors: TypeAlias = NDArray[np.float32]
Coordinates: TypeAlias = NDArray[np.float32]
"""``(n, 2)``: x to the right and y downwards, both from 0 to 1."""

NAMES: dict[Projection, str] = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}

_COMPONENTS = 50  # that neighbors are found by, as van der Maaten and Hinton do
_PERPLEXITY = 30.0
_NEIGHBORS = 15
_START = 1e-4  # the spread that t-SNE starts with
_LEAST = 4  # fewer have no neighborhoods to preserve


def project(vectors: Vectors, by: Projection, seed: int = 0) -> Coordinates:
    """Coordinates for vectors, ``(n, dim)``, whose Euclidean distances are meaningful.

    ``pca`` takes the two principal components. ``tsne`` (van der Maaten and Hinton, JMLR 2008) and
    ``umap`` (McInnes and others, 2018) preserve neighborhoods, and start from there; both work on
    the first 50 principal components. The same vectors and seed give the same coordinates. Raises
    MissingExtra, or ValueError for another method.
    """
    if by not in get_args(Projection):
        raise ValueError(f"a map is made by {', '.join(get_args(Projection))}, not by {by!r}")
    components = _components(vectors)
    spread = float(components[:, 0].std()) if len(vectors) else 0.0
    if len(vectors) < _LEAST or not spread:
        return _normalized(components[:, :2])
    return _normalized(_METHODS[by](components, spread, seed))


def _components(vectors: Vectors) -> Vectors:
    """The first principal components, at least two columns."""
    pca = optional_import("sklearn.decomposition", "reduce", "drawing a map").PCA
    count = min(_COMPONENTS, *vectors.shape)
    found = np.zeros((len(vectors), max(2, count)), np.float32)
    centered = _centered(vectors)
    if centered.any():
        found[:, :count] = pca(count, random_state=0).fit_transform(centered)
    return found


def _centered(vectors: Vectors) -> Vectors:
    """The vectors minus their mean, scaled to ±1; exactly 0 where a dimension does not vary.

    Without the latter the rounding of the mean would be taken for a spread.
    """
    if not vectors.size:
        return vectors
    centered = vectors - vectors.mean(axis=0, dtype=np.float64)
    centered[:, np.ptp(vectors, axis=0) == 0] = 0
    return np.asarray(centered / (np.abs(centered).max() or 1.0), np.float32)


def _pca(components: Vectors, spread: float, seed: int) -> Coordinates:
    return components[:, :2]


def _tsne(components: Vectors, spread: float, seed: int) -> Coordinates:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    method = TSNE(
        perplexity=min(_PERPLEXITY, (len(components) - 1) / 3),
        init=components[:, :2] * (_START / spread),
        random_state=seed,
    )
    with threadpool_limits(1):  # sums over several threads differ a little each time
        return np.asarray(method.fit_transform(components), np.float32)


def _umap(components: Vectors, spread: float, seed: int) -> Coordinates:
    method = optional_import("umap", "umap", "UMAP").UMAP(
        n_neighbors=min(_NEIGHBORS, len(components) - 1),
        init=components[:, :2] * (10 / spread),
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(method.fit_transform(components), np.float32)


_METHODS: dict[Projection, Callable[[Vectors, float, int], Any]] = {
    "tsne": _tsne,
    "pca": _pca,
    "umap": _umap,
}


def _normalized(plane: Coordinates) -> Coordinates:
    """Moved and scaled, equally in both directions, so that the longer one is from 0 to 1."""
    if not len(plane):
        return plane
    low, high = plane.min(axis=0), plane.max(axis=0)
    span = float((high - low).max()) or 1.0
    coordinates: Coordinates = ((plane - (low + high) / 2) / span + 0.5).clip(0, 1)
    return coordinates
