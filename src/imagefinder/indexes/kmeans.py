"""K-means inverted file (IVF) over principal components (PCA): only near clusters are probed.

Sivic and Zisserman, "Video Google", ICCV 2003.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.extras import optional_import
from imagefinder.indexes.approximate import Approximate
from imagefinder.indexes.array_file import ArrayStream, load_arrays, write_arrays
from imagefinder.indexes.segment import RowNumbers
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_TRAINING_ROWS = 50_000
_SEED = 7

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Clusters:
    """An inverted file: ``rows[offsets[c] : offsets[c + 1]]`` are nearest to centroid c."""

    mean: Floats
    components: Floats
    centroids: Floats
    offsets: RowNumbers
    rows: RowNumbers

    def nearest_clusters(self, vectors: Floats, count: int) -> RowNumbers:
        """The clusters nearest to each vector, ``(m, count)``, best first."""
        projected = (vectors - self.mean) @ self.components.T
        # squared distances, but for a term that is the same for all centroids
        distances = (self.centroids**2).sum(axis=1) - 2 * projected @ self.centroids.T
        return np.argsort(distances, axis=1)[:, :count]


class Kmeans(Approximate):
    """Clusters and principal components by scikit-learn."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("sklearn", "reduce")

    def __init__(
        self, dim: int, measure: Measure, clusters: int = 0, probes: int = 16, components: int = 64
    ) -> None:
        """``probes`` is the number of clusters searched.

        0 clusters: the square root of the number of vectors.
        """
        super().__init__(dim, measure, clusters=clusters, probes=probes, components=components)

    def _build(self, rows: Features) -> Clusters:
        empty = fit_clusters(rows, self.options["components"], self.options["clusters"])
        return _assign(empty, rows)

    def _query(self, structure: Clusters, queries: Features, k: int) -> RowNumbers:
        probed = structure.nearest_clusters(queries, self.options["probes"])
        found = [
            np.concatenate(
                [structure.rows[structure.offsets[c] : structure.offsets[c + 1]] for c in line]
            )
            for line in probed
        ]
        candidates = np.full((len(found), max(map(len, found))), -1, np.intp)
        for line, rows in zip(candidates, found, strict=True):
            line[: len(rows)] = rows
        return candidates

    def _write(self, structure: Clusters, file: Path) -> None:
        arrays = {one.name: getattr(structure, one.name) for one in fields(Clusters)}
        write_arrays(file, {name: ArrayStream.of(array) for name, array in arrays.items()})

    def _read(self, file: Path) -> Any:
        return Clusters(**load_arrays(file))


def fit_clusters(rows: Features, components: int = 64, clusters: int = 0) -> Clusters:
    """PCA, then K-means in its space; the clusters have no members yet.

    ``rows``, ``(n, dim)``, may be memory-mapped: a sample of 50,000 is used. 0 clusters: the square
    root of n. Raises MissingExtra.
    """
    sample = np.random.default_rng(_SEED).permutation(len(rows))[:_TRAINING_ROWS]
    training = np.asarray(rows[np.sort(sample)])
    decomposition = optional_import("sklearn.decomposition", "reduce", "this index")
    components = min(components, *training.shape)
    pca = decomposition.PCA(components, svd_solver="randomized", random_state=_SEED).fit(training)
    count = min(clusters or round(sqrt(len(rows))), len(training))
    kmeans = optional_import("sklearn.cluster", "reduce", "this index").MiniBatchKMeans(
        count, n_init=1, batch_size=4096, random_state=_SEED
    )
    centroids = kmeans.fit(pca.transform(training)).cluster_centers_
    fitted = (pca.mean_, pca.components_, centroids)
    mean, axes, means = (np.asarray(one, np.float32) for one in fitted)
    none = np.empty(0, np.intp)
    return Clusters(mean, axes, means, none, none)


def _assign(empty: Clusters, rows: Features) -> Clusters:
    cluster_of_row = np.concatenate(
        [
            empty.nearest_clusters(np.asarray(rows[start : start + _STEP]), 1)[:, 0]
            for start in range(0, len(rows), _STEP)
        ]
    )
    offsets = np.searchsorted(np.sort(cluster_of_row), np.arange(len(empty.centroids) + 1))
    return replace(empty, offsets=offsets, rows=np.argsort(cluster_of_row, kind="stable"))
