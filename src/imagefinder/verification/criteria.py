"""Criteria of verification in a catalogue: what a match is, at its rate and size."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from imagefinder.encoders.regions import whole_recipe
from imagefinder.types import Measure, Recipe, Store, Verdict
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.store import load
from imagefinder.verification.verdict_model import VerdictModel

_SHIPPED = "shipped.json"
_ANY_ENCODER = "any"


@dataclass(frozen=True)
class Criteria:
    """By what evidence a pair of images is a match."""

    measure: Measure
    """Of the scores."""
    model: VerdictModel
    least_logit: float
    by_score: Calibration | None
    """For hits that are compared by their scores alone; unknown for an encoder that no calibration
    comes with, until the catalogue is calibrated."""
    least_score: float

    @property
    def score_verdict(self) -> Verdict:
        """What a match by the score alone is."""
        by_labels = self.by_score is not None and self.by_score.match_kind == "labels"
        return "same thing" if by_labels else "same image"


def criteria_of(store: Store, images: int, rate: float | None = None) -> Criteria:
    """Those of a catalogue with so many images to compare with: its own, or those that we ship.

    ``rate`` is the accepted false-positive rate, if not that of the calibration.
    """
    return _criteria(store.recipe, load(store, store.recipe.measure), images, rate)


def shipped_criteria(recipe: Recipe) -> Criteria:
    """Those for two images without a catalogue."""
    return _criteria(recipe, None, 1, None)


def shipped_model(recipe: Recipe) -> VerdictModel:
    """The model that we ship for an encoder; for one without its own, it needs no score."""
    return _shipped()[_name(recipe)][0]


def shipped_calibration(recipe: Recipe) -> Calibration | None:
    """The calibration of scores that we ship for an encoder."""
    return _shipped()[_name(recipe)][1]


def _criteria(
    recipe: Recipe, saved: Calibration | None, images: int, rate: float | None
) -> Criteria:
    calibration = saved or shipped_calibration(recipe)
    model = (saved and saved.verdict_model) or shipped_model(recipe)
    return Criteria(
        recipe.measure,
        model,
        model.threshold(images, rate),
        calibration,
        calibration.threshold(images, rate) if calibration else math.inf,
    )


def shipped_name(recipe: Recipe) -> str | None:
    """By which an encoder is looked up: with the revision of its code, or the hash of its file.

    None for one with options of its own, which may score quite differently.
    """
    recipe = whole_recipe(recipe)
    if recipe.options.keys() == {"sha256"}:
        return f"{recipe.encoder} {recipe.options['sha256'][:16]}"
    return None if recipe.options else f"{recipe.encoder} {recipe.revision}"


def _name(recipe: Recipe) -> str:
    name = shipped_name(recipe)
    return name if name in _shipped() else _ANY_ENCODER


@cache
def _shipped() -> dict[str, tuple[VerdictModel, Calibration | None]]:
    """By ``shipped_name``; fit by benchmarks/shipped_calibration.py."""
    text = files(__package__).joinpath(_SHIPPED).read_text("utf-8")
    return {
        name: (
            VerdictModel.from_json(values["verdict_model"]),
            Calibration.from_values(values["calibration"]) if values["calibration"] else None,
        )
        for name, values in json.loads(text).items()
    }
