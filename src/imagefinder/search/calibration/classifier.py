"""Which hits are matches, by what the catalogue has been taught; and the keeping of that."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

from imagefinder.errors import CalibrationError
from imagefinder.search.calibration.model import Calibration
from imagefinder.search.hits import Hits
from imagefinder.types import Hit, Measure, Store

_FRESH = 1.0  # seconds that a count of the images is good for


def keep(store: Store, calibration: Calibration) -> None:
    """In the catalogue, for all later searches by its measure."""
    store.set_metadata(_name(calibration.measure), calibration.to_json())


def kept(store: Store, measure: Measure) -> Calibration | None:
    """What was kept; nothing, if it is damaged or not ours."""
    text = store.get_metadata(_name(measure))
    try:
        found = Calibration.from_json(text) if text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found and found.measure == measure else None


class Judge:
    """Says which hits are matches."""

    def __init__(self, store: Store) -> None:
        """By what this catalogue has been taught."""
        self._store = store
        self._counted = -math.inf
        self._images = 0

    def judged(self, hits: Hits, measure: Measure, images: int | None = None) -> Hits:
        """With probabilities, and whether they are matches, if the catalogue is calibrated.

        ``images`` is how many were compared, if not all.
        """
        calibration = kept(self._store, measure) if hits else None
        if calibration is None:
            return hits
        least = calibration.threshold(self._count() if images is None else images)
        return Hits(
            replace(
                hit, probability=calibration.probability(hit.score), is_match=hit.score >= least
            )
            for hit in hits
        )

    def _count(self) -> int:
        # counting a million takes 30 ms, and a threshold moves with the logarithm of the number
        if perf_counter() - self._counted > _FRESH:
            self._images, self._counted = len(self._store), perf_counter()
        return self._images


def wanted(hits: Hits, threshold: float | None, matches_only: bool) -> Hits:
    """Those that score enough, and are matches if only these are wanted.

    Raises CalibrationError if nobody can say which are.
    """
    if matches_only:
        _check_told(hits)
    return Hits(
        hit
        for hit in hits
        if (threshold is None or hit.score >= threshold) and (hit.is_match or not matches_only)
    )


def _check_told(hits: Iterable[Hit]) -> None:
    if any(hit.is_match is None for hit in hits):
        raise CalibrationError(
            "nothing says yet which of the hits are matches: run imagefinder calibrate, "
            "which holds for searches with one image by one measure"
        )


def _name(measure: Measure) -> str:
    return f"calibration {measure}"
