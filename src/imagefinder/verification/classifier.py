"""Match classification: hits become matches or not, by the catalogue's calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

from imagefinder.types import Hit, Measure, Store
from imagefinder.verification.store import load

_FRESH = 1.0  # seconds that a count of the images stays valid


class MatchClassifier:
    """Decides which hits of a catalogue are matches; safe for many threads."""

    def __init__(self, store: Store) -> None:
        """Calibrations are read from the store as they are needed."""
        self._store = store
        self._counted = -math.inf
        self._images = 0

    def classify(
        self, hits: Sequence[Hit], measure: Measure, images: int | None = None
    ) -> Sequence[Hit]:
        """The hits with match probabilities and decisions; unchanged if it is not calibrated.

        ``images`` is how many were compared, if not all.
        """
        calibration = load(self._store, measure) if hits else None
        if calibration is None:
            return hits
        least = calibration.threshold(self._count() if images is None else images)
        return [
            replace(
                hit, probability=calibration.probability(hit.score), is_match=hit.score >= least
            )
            for hit in hits
        ]

    def _count(self) -> int:
        # counting a million takes 30 ms, and a threshold moves with the logarithm of the number
        if perf_counter() - self._counted > _FRESH:
            self._images, self._counted = len(self._store), perf_counter()
        return self._images
