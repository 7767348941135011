"""From vectors to places on a plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import MissingExtra

By: TypeAlias = Literal["tsne", "pca", "umap"]

Rows: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.float32]
"""``(n, 2)``: x to the right and y downwards, both within 0 to 1."""

NAMES: dict[By, str] = {"tsne": "t-SNE", "pca": "principal components", "umap": "UMAP"}

_COMPONENTS = 50  # that neighbours are told by, as van der Maaten and Hinton do
_PERPLEXITY = 30.0
_NEIGHBORS = 15
_START = 1e-4  # the spread that t-SNE starts with
_LEAST = 4  # fewer have no neighbourhoods to keep


def project(rows: Rows, by: By, seed: int = 0) -> Places:
    """Places for rows, ``(n, dim)``, of which Euclidean distances say how far apart they are.

    ``pca`` takes the two directions in which the rows differ most. ``tsne`` (van der Maaten and
    Hinton, JMLR 2008) and ``umap`` (McInnes and others, 2018) keep neighbours together, and start
    from there; both go by the first 50 principal components. The same rows and seed give the same
    places. Raises MissingExtra, or ValueError for another method.
    """
    if by not in get_args(By):
        raise ValueError(f"a map is made by {', '.join(get_args(By))}, not by {by!r}")
    components = _components(rows)
    spread = float(components[:, 0].std()) if len(rows) else 0.0
    if len(rows) < _LEAST or not spread:
        return _within(components[:, :2])
    return _within(_METHODS[by](components, spread, seed))


def _components(rows: Rows) -> Rows:
    """The rows along the directions in which they differ most: two columns at least."""
    try:
        from sklearn.decomposition import PCA
    except ModuleNotFoundError as error:
        raise MissingExtra("maps need: pip install 'imagefinder[reduce]'") from error
    count = min(_COMPONENTS, *rows.shape)
    found = np.zeros((len(rows), max(2, count)), np.float32)
    if len(rows) > 1:
        with np.errstate(invalid="ignore"):  # shares of a variance that is none
            found[:, :count] = PCA(count, random_state=0).fit_transform(rows)
    return found


def _pca(components: Rows, spread: float, seed: int) -> Places:
    return components[:, :2]


def _tsne(components: Rows, spread: float, seed: int) -> Places:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    method = TSNE(
        perplexity=min(_PERPLEXITY, (len(components) - 1) / 3),
        init=components[:, :2] * (_START / spread),
        random_state=seed,
    )
    with threadpool_limits(1):  # sums by several threads come out a little different each time
        return np.asarray(method.fit_transform(components), np.float32)


def _umap(components: Rows, spread: float, seed: int) -> Places:
    try:
        from umap import UMAP
    except ModuleNotFoundError as error:
        raise MissingExtra("UMAP needs: pip install 'imagefinder[umap]'") from error
    method = UMAP(
        n_neighbors=min(_NEIGHBORS, len(components) - 1),
        init=components[:, :2] * (10 / spread),
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(method.fit_transform(components), np.float32)


_METHODS: dict[By, Callable[[Rows, float, int], Any]] = {
    "tsne": _tsne,
    "pca": _pca,
    "umap": _umap,
}


def _within(plane: Places) -> Places:
    """Moved and scaled, both ways alike, so that the longer way is from 0 to 1."""
    if not len(plane):
        return plane
    low, high = plane.min(axis=0), plane.max(axis=0)
    span = float((high - low).max()) or 1.0
    places: Places = ((plane - (low + high) / 2) / span + 0.5).clip(0, 1)
    return places
