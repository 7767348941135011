"""A smaller catalogue of the same pictures, by principal components of its vectors."""

from __future__ import annotations

import os
from itertools import islice

import numpy as np

from imagefinder.encoders.reduced import Projection, Reduced
from imagefinder.errors import MissingExtra, PluginError
from imagefinder.finder import Finder
from imagefinder.inputs import absolute
from imagefinder.pipeline import batched
from imagefinder.similarity import dtype, prepared
from imagefinder.types import Entry, Features, Recipe

_SAMPLE = 20_000  # pictures whose vectors are fitted to
_PAGE = 1000  # pictures written in one step


def reduce(
    finder: Finder, path: str | os.PathLike[str], *, dim: int, whiten: bool = False
) -> Finder:
    """A new catalogue with vectors of ``dim`` numbers, made from those that are stored.

    No picture is read. What was fitted goes into ``path`` with ``.pca.npz`` after its name, which
    must stay beside it; ``whiten`` makes all directions count alike. Raises CatalogueExists, and
    PluginError where there is nothing to reduce to.
    """
    target = absolute(path)
    beside = target.with_name(f"{target.name}.pca.npz")
    projection = fitted(_sample(finder), finder.recipe, dim, whiten)
    if not Finder.exists(target):
        beside.write_bytes(projection.to_bytes())
    smaller = Finder.create(target, Reduced.from_argument(str(beside), {}), local=finder.extractor)
    for page in batched(finder.store.pictures(), _PAGE):
        local = finder.store.local_features([record.key for record, _ in page])
        smaller.store.write(
            [
                Entry(record, projection(rows), record.metadata, local.get(record.key))
                for record, rows in page
            ]
        )
    return smaller


def fitted(vectors: Features, recipe: Recipe, dim: int, whiten: bool = False) -> Projection:
    """Principal components of vectors, ``(n, recipe.dim)``. Raises PluginError or MissingExtra."""
    if recipe.measure == "hamming":
        raise PluginError(
            f"{recipe.encoder} gives bits, of which there are no principal components"
        )
    most = min(len(vectors), recipe.dim)
    if not 1 <= dim <= most:
        raise PluginError(
            f"{len(vectors)} vectors of {recipe.dim} numbers can be reduced to 1 to {most}, "
            f"not to {dim}"
        )
    try:
        from sklearn.decomposition import PCA
    except ModuleNotFoundError as error:
        raise MissingExtra("reducing needs: pip install 'imagefinder[reduce]'") from error
    pca = PCA(dim, random_state=0).fit(prepared(recipe.measure, vectors))
    spread = np.sqrt(pca.explained_variance_) if whiten else 1
    axes = pca.components_.T / np.maximum(spread, 1e-6)
    return Projection(recipe, pca.mean_.astype(np.float32), axes.astype(np.float32))


def _sample(finder: Finder) -> Features:
    """The vectors of as many pictures as are enough; keys are hashes, so the first will do."""
    rows: list[Features] = [vectors for _, vectors in islice(finder.store.pictures(), _SAMPLE)]
    return np.concatenate([np.empty((0, finder.recipe.dim), dtype(finder.recipe.measure)), *rows])
