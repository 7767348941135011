"""Saved calibrations: one per measure, in the catalogue's metadata."""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

from imagefinder.types import Measure, Store
from imagefinder.verification.calibration import Calibration


def save(store: Store, calibration: Calibration) -> None:
    """In the catalogue, for all later searches with this measure."""
    store.set_metadata(_name(calibration.measure), calibration.to_json())


def load(store: Store, measure: Measure) -> Calibration | None:
    """The saved calibration; None if there is none, or if it is damaged."""
    text = store.get_metadata(_name(measure))
    found = _parsed(text) if text else None
    return found if found and found.measure == measure else None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Calibration | None:
    """Every search loads a calibration, and the text is nearly always the same."""
    try:
        return Calibration.from_json(text)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def calibration_names() -> list[str]:
    """The names of all calibrations, which are about the vectors of one encoder."""
    return [_name(measure) for measure in get_args(Measure)]


def _name(measure: Measure) -> str:
    return f"calibration {measure}"
