"""Whether what is to be stored has the shape that the recipes say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagefinder.errors import StoreError
from imagefinder.similarity import dtype
from imagefinder.types import Features, LocalFeatures, Recipe


def check_shape(features: Features, recipe: Recipe) -> None:
    """Raise StoreError for another shape or dtype."""
    dim, kind = recipe.dim, np.dtype(dtype(recipe.measure))
    if features.ndim != 2 or features.shape[1] != dim or features.dtype != kind:
        given = f"{features.dtype} {features.shape}"
        raise StoreError(f"the vectors are {given}, not {kind} (n, {dim})")


def check_shapes(features: Sequence[Features], recipe: Recipe) -> None:
    """Raise StoreError if any has another shape or dtype; quick for many of the same."""
    for one in {(one.ndim, one.shape[-1:], one.dtype): one for one in features}.values():
        check_shape(one, recipe)


def check_finite(features: Features) -> None:
    """Raise StoreError for NaN and infinity."""
    if not np.isfinite(features).all():
        raise StoreError("the vectors are not finite")


def check_local_features(local: LocalFeatures, extractor: Recipe | None) -> None:
    """Raise StoreError for another shape, NaN, or no extractor."""
    dim = extractor.dim if extractor else 0
    if local.descriptors.shape != (len(local), dim) or local.points.shape != (len(local), 2):
        given = f"{local.points.shape} and {local.descriptors.shape}"
        raise StoreError(f"the local features are {given}, not (n, 2) and (n, {dim})")
    if not np.isfinite(local.descriptors).all() or not np.isfinite(local.points).all():
        raise StoreError("the local features are not finite")
