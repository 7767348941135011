"""Verifier: the verdicts on the hits of a search, and on pairs of stored images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from time import perf_counter

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.regions import grid_of
from imagefinder.errors import MissingExtra
from imagefinder.registry.factory import make_matcher
from imagefinder.similarity import dtype
from imagefinder.types import Correspondences, Features, Hit, LocalFeatures, Matcher, Measure
from imagefinder.verification.criteria import Criteria, criteria_of
from imagefinder.verification.evidence import whole_score
from imagefinder.verification.verify import (
    Fingerprint,
    Verification,
    by_score,
    fewest,
    verify,
    with_geometry,
)

_FRESH = 1.0  # seconds that a count of the images stays valid


@dataclass(frozen=True, eq=False)
class Probe:
    """The query image, as it is compared with stored ones."""

    features: Features
    """``(n, dim)``"""
    fingerprint: Fingerprint


class Verifier:
    """Decides what images of a catalogue have in common with a query; safe for many threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Nothing is read yet."""
        self._catalogue = catalogue
        self._counted = -math.inf
        self._images = 0

    def verify_hits(
        self,
        probe: Probe,
        hits: Sequence[Hit],
        *,
        depth: int,
        measure: Measure | None,
        images: int | None = None,
        rate: float | None = None,
    ) -> list[Hit]:
        """The hits with their verdicts: those of the first ``depth`` by all evidence.

        Deeper ones have only their score, which is by ``measure``; ``None`` is no measure, as after
        fusion. ``images`` is how many were compared, if not all.
        """
        if not hits:
            return []
        count = self.count() if images is None else images
        criteria = criteria_of(self._catalogue.store, count, rate)
        first, deeper = hits[:depth], hits[depth:]
        is_scored = measure == self._catalogue.recipe.measure
        known = self._whole_scores(probe.features, hits if is_scored else first, is_scored)
        found = self.verify_stored(
            probe.fingerprint,
            [hit.record.key for hit in first],
            known[:depth],
            criteria,
            with_local=all(hit.correspondences is None for hit in first),
        )
        found = [
            self._with_correspondences(one, hit, probe.fingerprint.local)
            for one, hit in zip(found, first, strict=True)
        ]
        by = known[depth:] if is_scored else [None] * len(deeper)
        found += [
            self._with_correspondences(_unverified(score, criteria), hit, probe.fingerprint.local)
            for hit, score in zip(deeper, by, strict=True)
        ]
        return [_with_verdict(hit, one) for hit, one in zip(hits, found, strict=True)]

    def verify_stored(
        self,
        one: Fingerprint,
        keys: Sequence[int],
        scores: Sequence[float],
        criteria: Criteria,
        *,
        with_local: bool = True,
    ) -> list[Verification]:
        """The verdicts on an image and each of the stored ones."""
        store = self._catalogue.store
        signatures = store.signatures(keys) if one.signature else {}
        local = store.local_features(keys) if with_local and one.local else {}
        others = [Fingerprint(key, signatures.get(key), local.get(key)) for key in keys]
        return self.verify_pairs(one, others, scores, criteria)

    def verify_pairs(
        self,
        one: Fingerprint,
        others: Sequence[Fingerprint],
        scores: Sequence[float],
        criteria: Criteria,
    ) -> list[Verification]:
        """The verdicts on an image and each of the others."""
        return verify(one, others, scores, criteria, _geometric_matcher() if one.local else None)

    def count(self) -> int:
        """How many images there are, or were a second ago."""
        # counting a million takes 30 ms, and a threshold moves with the logarithm of the number
        if perf_counter() - self._counted > _FRESH:
            self._images, self._counted = len(self._catalogue), perf_counter()
        return self._images

    def _with_correspondences(
        self, found: Verification, hit: Hit, local: LocalFeatures | None
    ) -> Verification:
        """With those of the query's local features by which the hit was re-ranked."""
        if hit.verified is None:
            return found
        pairs = np.empty((hit.correspondences or 0, 2), np.intp)
        key = hit.record.key
        stored = self._catalogue.store.local_features([key]) if found.is_undecided else {}
        features = fewest(local, stored[key]) if local and key in stored else 0
        return with_geometry(found, Correspondences(pairs, hit.verified), features)

    def _whole_scores(self, query: Features, hits: Sequence[Hit], is_scored: bool) -> list[float]:
        """By the encoder's own measure, of the whole images: a verdict is on these.

        ``is_scored`` are hits that were found by that measure; but where the catalogue has regions
        their score is that of the nearest one.
        """
        recipe = self._catalogue.recipe
        if is_scored and grid_of(recipe) is None:
            return [hit.score for hit in hits]
        stored = self._catalogue.store.features_of([hit.record.key for hit in hits])
        none = np.empty((0, recipe.dim), dtype(recipe.measure))  # it has just been removed
        return [whole_score(recipe, query, stored.get(hit.record.key, none)) for hit in hits]


def _unverified(score: float | None, criteria: Criteria) -> Verification:
    """The verdict by the score; ``None`` for a hit that was not found by the encoder's measure."""
    unknown = Verification("similar", None, None)
    return unknown if score is None else by_score(score, criteria)


def _with_verdict(hit: Hit, found: Verification) -> Hit:
    return replace(
        hit,
        verdict=found.verdict,
        is_match=found.is_match,
        probability=found.probability,
        evidence=found.evidence,
    )


@cache
def _geometric_matcher() -> Matcher | None:
    """None if the library that it needs is not installed: then pixels decide alone."""
    try:
        return make_matcher("geometric")
    except MissingExtra:
        return None
