"""Dimensionality reduction: a smaller catalogue of the same images by PCA, with whitening."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import batched
from imagefinder._utils.extras import optional_import
from imagefinder.catalogue import projection_file
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.copied_entries import copied_entries
from imagefinder.encoders.pca import PcaProjection, Reduced
from imagefinder.encoders.regions import without_regions
from imagefinder.errors import PluginError
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.similarity import dtype, normalized_for
from imagefinder.stores.opening import file_at
from imagefinder.stores.sqlite.whole_catalogue import check_free, whole_catalogue
from imagefinder.types import Features, Progress, Recipe, Store

Kind = TypeVar("Kind", bound=Catalogue)

_SAMPLE = 20_000  # vectors that PCA is fit to
_PAGE = 1000  # images written in one step
_ROUNDING = 1e-3


def reduce(
    catalogue: Kind,
    path: str | os.PathLike[str],
    *,
    dim: int,
    whiten: bool = False,
    progress: Progress = iter,
) -> Kind:
    """A new catalogue with vectors of ``dim`` components, made from those that are stored.

    No image is read. The projection is saved beside ``path`` with ``.pca.npz`` after its name, and
    must stay there; ``whiten`` scales all components to unit variance. The catalogue appears at
    ``path`` once it is complete. Raises CatalogueExists, StoreError if it cannot be written, and
    PluginError if ``dim`` is too large, or for an encoder without a registered name.
    """
    target = file_at(path, "a reduced catalogue")
    beside = projection_file.beside(target)
    check_free(target)
    base, grid = without_regions(catalogue.encoder)
    recipe = recipe_of(base)
    projection = fit_pca(sample_vectors(catalogue.store, _SAMPLE), recipe, dim, whiten)
    encoder_from(recipe)  # raises for one that could not be made again
    data = projection.to_bytes()
    projection_file.check_place(beside, data)
    with whole_catalogue(target) as unfinished:
        encoder = Reduced.of(beside, data)
        create = partial(type(catalogue).create, unfinished, encoder, regions=grid)
        with create(local=catalogue.extractor) as smaller:
            for page in batched(progress(catalogue.store.iter_records()), _PAGE):
                reduced = [(record, projection(rows)) for record, rows in page]
                smaller.store.write(copied_entries(catalogue.store, reduced))
        with atomic_write(beside) as file:  # first: the catalogue needs it
            file.write_bytes(data)
    return type(catalogue).open(target, encoder, local=catalogue.extractor)


def fit_pca(vectors: Features, recipe: Recipe, dim: int, whiten: bool = False) -> PcaProjection:
    """PCA of vectors, ``(n, recipe.dim)``. Raises PluginError or MissingExtra."""
    if recipe.measure == "hamming":
        raise PluginError(f"{recipe.encoder} gives binary codes; PCA needs float vectors")
    if recipe.measure == "dot":  # centering changes the order of dot products
        raise PluginError("PCA does not preserve dot products: reduce for cosine or l2")
    # n vectors differ from their mean in n - 1 directions
    most = max(0, min(len(vectors) - 1, recipe.dim))
    if not 1 <= dim <= most:
        raise PluginError(
            f"{len(vectors)} vectors of {recipe.dim} components can be reduced to at most {most}, "
            f"not to {dim}"
        )
    decomposition = optional_import("sklearn.decomposition", "reduce", "reducing")
    pca = decomposition.PCA(dim, random_state=0).fit(normalized_for(recipe.measure, vectors))
    axes = pca.components_.T
    if whiten:
        spread = np.sqrt(pca.explained_variance_)
        # a spread within rounding is none, and such a component is left out
        axes = axes / np.where(spread > _ROUNDING * spread.max(), spread, np.inf)
    return PcaProjection(recipe, pca.mean_.astype(np.float32), axes.astype(np.float32))


def sample_vectors(store: Store, most: int) -> Features:
    """At most ``most`` vectors, ``(n, dim)``; keys are hashes, so the first are a random sample."""
    every = chain.from_iterable(vectors for _, vectors in store.iter_records())
    rows = list(islice(every, most))
    return np.array(rows, dtype(store.recipe.measure)).reshape(-1, store.recipe.dim)
