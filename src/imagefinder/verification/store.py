"""Saved calibrations: one per measure, in the catalogue's metadata."""

from __future__ import annotations

from imagefinder.types import Measure, Store
from imagefinder.verification.calibration import Calibration


def save(store: Store, calibration: Calibration) -> None:
    """In the catalogue, for all later searches with this measure."""
    store.set_metadata(_name(calibration.measure), calibration.to_json())


def load(store: Store, measure: Measure) -> Calibration | None:
    """The saved calibration; None if there is none, or if it is damaged."""
    text = store.get_metadata(_name(measure))
    try:
        found = Calibration.from_json(text) if text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found and found.measure == measure else None


def _name(measure: Measure) -> str:
    return f"calibration {measure}"
