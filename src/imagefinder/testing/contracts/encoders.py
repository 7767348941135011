"""Contract suites of encoders and extractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields, is_dataclass

import numpy as np
from numpy.testing import assert_allclose

from imagefinder.images.decode import decode
from imagefinder.similarity import dtype
from imagefinder.testing.contracts.samples import SEED
from imagefinder.types import Encoder, Extractor, Image, LocalFeatures, Resize


def check_encoder(encoder: Encoder, images: list[Image] | None = None) -> None:
    """Features of the declared dim and dtype, the same whatever else is in the batch."""
    _check_is_frozen_dataclass(encoder)
    resized = _resized(encoder.resize, images)
    batch = encoder.encode(resized)
    assert len(batch) == len(resized), "one Features for each image"
    for features in batch:
        assert features.ndim == 2, "Features are (n, dim)"
        assert features.shape[1] == encoder.dim, "every row has dim columns"
        assert features.dtype == dtype(encoder.measure), "uint8 for hamming, float32 otherwise"
        assert np.isfinite(features).all(), "no infinity and no NaN"
    for image, features in zip(resized, batch, strict=True):
        (alone,) = encoder.encode([image])
        assert_allclose(alone, features, atol=1e-6, err_msg="alone as in a batch")
    assert encoder.encode([]) == [], "no images, no features"


def check_extractor(extractor: Extractor, images: list[Image] | None = None) -> None:
    """Unit descriptors with their points, the same whatever else is in the batch."""
    _check_is_frozen_dataclass(extractor)
    assert extractor.measure == "cosine", "descriptors are compared by cosine"
    resized = _resized(extractor.resize, images)
    batch = extractor.extract(resized)
    assert len(batch) == len(resized), "one LocalFeatures for each image"
    for local in batch:
        _check_local_features(local, extractor.dim)
    for image, local in zip(resized, batch, strict=True):
        (alone,) = extractor.extract([image])
        assert_allclose(alone.points, local.points, atol=1e-6, err_msg="alone as in a batch")
        assert_allclose(alone.descriptors, local.descriptors, atol=1e-6, err_msg="alone too")
    assert extractor.extract([]) == [], "no images, no features"


def _check_local_features(local: LocalFeatures, dim: int) -> None:
    descriptors, points = local.descriptors, local.points
    assert descriptors.shape == (len(local), dim), "descriptors are (n, dim)"
    assert points.shape == (len(local), 2), "points are (n, 2)"
    assert descriptors.dtype == points.dtype == np.float32, "both are float32"
    assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-5, err_msg="unit rows")
    assert ((points >= 0) & (points <= 1)).all(), "points are fractions of width and height"


def _check_is_frozen_dataclass(plugin: Encoder | Extractor) -> None:
    assert is_dataclass(plugin), "it is a dataclass: its fields are its recipe"
    for option in fields(plugin):
        try:
            setattr(plugin, option.name, None)
        except FrozenInstanceError:
            continue
        raise AssertionError("it is frozen: what it computes cannot change")


def _resized(resize: Resize, images: Sequence[Image] | None) -> list[Image]:
    """The images, or else noise and a blank, in the size that is wanted."""
    noise = np.random.default_rng(SEED).integers(0, 256, (3, 90, 120, 3), np.uint8)
    blank = np.full((50, 40, 3), 128, np.uint8)
    return [decode(image, resize).pixels for image in (images or [*noise, blank])]
