"""Comparison of two images by all evidence: score, pixels, and local features."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.default import default_encoder
from imagefinder.encoders.inference import encode_one
from imagefinder.encoders.instance_cache import INSTANCES
from imagefinder.encoders.regions import whole_encoder
from imagefinder.errors import MissingExtra
from imagefinder.images.decode import Source, decode
from imagefinder.images.inputs import content, naming_errors, read_source
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.signature import ncc_signature
from imagefinder.local_features.compare import Comparison, match_images, shown_pair
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.types import Encoder, Extractor, Features, Matcher, Recipe, key_of
from imagefinder.verification.criteria import Criteria, criteria_of, shipped_criteria
from imagefinder.verification.evidence import whole_score
from imagefinder.verification.verify import (
    Fingerprint,
    Verification,
    fewest,
    verify,
    with_geometry,
)

_EXTRACTOR = "sift"


@dataclass(frozen=True, eq=False)
class VerifiedComparison(Comparison):
    """Two images, what they have in common, and the correspondences of their local features."""

    score: float
    """Of the encoder."""
    verification: Verification


def compare(
    one: Source,
    other: Source,
    *,
    catalogue: Catalogue | None = None,
    local: str | Extractor | None = None,
    matcher: str | Matcher | None = None,
    limits: Limits = LIMITS,
) -> VerifiedComparison:
    """The verdict on two images, by the encoder and the calibration of a catalogue, if given.

    ``local`` names an extractor (or is one): ``sift`` if not given, and without its library the
    pixels decide alone. The default ``matcher`` verifies either geometry. Raises ImageError for
    images that cannot be used.
    """
    given = [_Loaded.of(image, limits) for image in (one, other)]
    encoder = catalogue.encoder if catalogue else INSTANCES.shared(make_encoder(default_encoder()))
    recipe = catalogue.recipe if catalogue else recipe_of(encoder)
    whole = whole_encoder(encoder)
    score = whole_score(recipe, *(image.embedding(whole, limits) for image in given))
    fingerprints = [image.fingerprint(limits) for image in given]
    (found,) = verify(fingerprints[0], fingerprints[1:], [score], _criteria(catalogue, recipe))
    left, right = (image.content for image in given)
    try:
        matched = match_images(
            left, right, local=local or _EXTRACTOR, matcher=matcher, limits=limits
        )
    except MissingExtra:
        if local is not None or matcher is not None:
            raise
        matched = shown_pair(left, right, limits)
    return VerifiedComparison(
        matched.images,
        matched.local,
        matched.correspondences,
        score,
        with_geometry(found, matched.correspondences, fewest(*matched.local)),
    )


@dataclass(frozen=True, eq=False)
class _Loaded:
    """An image whose file is read once."""

    source: Source
    content: Any

    @classmethod
    def of(cls, source: Source, limits: Limits) -> _Loaded:
        with naming_errors(source):
            if isinstance(source, str | os.PathLike):
                return cls(source, read_source(source, limits))
            return cls(source, content(source))

    def embedding(self, encoder: Encoder, limits: Limits) -> Features:
        with naming_errors(self.source):
            pixels = decode(self.content, encoder.resize, limits).warned(self.source).pixels
            return encode_one(encoder, pixels)

    def fingerprint(self, limits: Limits) -> Fingerprint:
        is_bytes = isinstance(self.content, bytes)
        key = key_of(hashlib.sha256(self.content).digest()) if is_bytes else None
        return Fingerprint(key, ncc_signature(self.content, limits))


def _criteria(catalogue: Catalogue | None, recipe: Recipe) -> Criteria:
    if catalogue is None:
        return shipped_criteria(recipe)
    return criteria_of(catalogue.store, len(catalogue))
