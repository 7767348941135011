"""Rows in clusters, of which only the nearest to a query are looked through (PCA and K-means).

An inverted file, as in Sivic and Zisserman, "Video Google", ICCV 2003, over principal components.
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
from imagefinder.indexes.array_file import Streamed, load_arrays, save_arrays
from imagefinder.indexes.segment import Places
from imagefinder.types import Features, Measure

_STEP = 10_000  # rows read at a time
_TAUGHT = 50_000  # rows that are enough to learn from
_SEED = 7

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Clusters:
    """``rows[begins[c] : begins[c + 1]]`` are those whose projection is nearest to centre c."""

    mean: Floats
    components: Floats
    centres: Floats
    begins: Places
    rows: Places

    def nearest(self, vectors: Floats, count: int) -> Places:
        """The clusters nearest to each vector, ``(m, count)``, best first."""
        projected = (vectors - self.mean) @ self.components.T
        # the squared distance, but for what is the same for all centres
        apart = (self.centres**2).sum(axis=1) - 2 * projected @ self.centres.T
        return np.argsort(apart, axis=1)[:, :count]


class Kmeans(Approximate):
    """Clusters by scikit-learn."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    library: ClassVar[tuple[str, str]] = ("sklearn", "reduce")

    def __init__(
        self, dim: int, measure: Measure, clusters: int = 0, probes: int = 16, components: int = 64
    ) -> None:
        """How many clusters there are, and how many a search looks through.

        Of 0 there are as many as the root of the number of rows.
        """
        super().__init__(dim, measure, clusters=clusters, probes=probes, components=components)

    def _build(self, rows: Features) -> Clusters:
        empty = learned(rows, self.options["components"], self.options["clusters"])
        return _assigned(empty, rows)

    def _nearest(self, structure: Clusters, queries: Features, k: int) -> Places:
        probed = structure.nearest(queries, self.options["probes"])
        found = [
            np.concatenate(
                [structure.rows[structure.begins[c] : structure.begins[c + 1]] for c in line]
            )
            for line in probed
        ]
        places = np.full((len(found), max(map(len, found))), -1, np.intp)
        for line, rows in zip(places, found, strict=True):
            line[: len(rows)] = rows
        return places

    def _write(self, structure: Clusters, file: Path) -> None:
        arrays = {one.name: getattr(structure, one.name) for one in fields(Clusters)}
        save_arrays(file, {name: Streamed.of(array) for name, array in arrays.items()})

    def _read(self, file: Path) -> Any:
        return Clusters(**load_arrays(file))


def learned(rows: Features, components: int = 64, clusters: int = 0) -> Clusters:
    """Principal components, and clusters in their space with nobody in them yet.

    ``rows``, ``(n, dim)``, may be mapped: 50,000 of them are learnt from. Of 0 clusters there are
    as many as the root of n. Raises MissingExtra.
    """
    sample = np.random.default_rng(_SEED).permutation(len(rows))[:_TAUGHT]
    taught = np.asarray(rows[np.sort(sample)])
    decomposition = optional_import("sklearn.decomposition", "reduce", "this index")
    components = min(components, *taught.shape)
    pca = decomposition.PCA(components, svd_solver="randomized", random_state=_SEED).fit(taught)
    count = min(clusters or round(sqrt(len(rows))), len(taught))
    kmeans = optional_import("sklearn.cluster", "reduce", "this index").MiniBatchKMeans(
        count, n_init=1, batch_size=4096, random_state=_SEED
    )
    centres = kmeans.fit(pca.transform(taught)).cluster_centers_
    found = (pca.mean_, pca.components_, centres)
    mean, axes, middles = (np.asarray(one, np.float32) for one in found)
    nobody = np.empty(0, np.intp)
    return Clusters(mean, axes, middles, nobody, nobody)


def _assigned(empty: Clusters, rows: Features) -> Clusters:
    own = np.concatenate(
        [
            empty.nearest(np.asarray(rows[start : start + _STEP]), 1)[:, 0]
            for start in range(0, len(rows), _STEP)
        ]
    )
    begins = np.searchsorted(np.sort(own), np.arange(len(empty.centres) + 1))
    return replace(empty, begins=begins, rows=np.argsort(own, kind="stable"))
