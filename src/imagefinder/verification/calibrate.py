"""Calibrate a catalogue: learn its match threshold at a stated false-positive rate."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import make_labeler
from imagefinder.errors import CalibrationError
from imagefinder.types import Progress
from imagefinder.verification.calibration import Calibration, MatchKind
from imagefinder.verification.criteria import shipped_criteria
from imagefinder.verification.genuine import Genuine, genuine_pairs
from imagefinder.verification.impostors import impostors, nearest_neighbors
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import FEWEST, draw_sample
from imagefinder.verification.store import save
from imagefinder.verification.verdict_model import VerdictModel

_ROUNDING = 1e-6


def calibrate(
    catalogue: Catalogue,
    *,
    rate: float = 0.001,
    labels: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress = iter,
) -> Calibration:
    """Learn the match threshold from the catalogue's own images, and save it in the catalogue.

    Up to 2,000 stored images search for their nearest neighbor. Without ``labels``, a match is a
    modified copy: genuine pairs come from copies made in twelve ways from stored files, and a
    neighbor that the shipped calibration takes for a copy is no impostor. With ``labels``, a
    match is an image with the same label: ``"folder"``, or a CSV file of pairs that belong together
    (see ``make_labeler``). ``rate`` is the accepted false-positive rate: the share of queries
    without a match for which one is reported. Raises CalibrationError where there is too little to
    learn from, and ValueError for a rate that is not between 0 and 1.
    """
    if not 0 < rate < 1:
        raise ValueError("the false-positive rate must be between 0 and 1")
    sample = draw_sample(catalogue, np.random.default_rng(seed))
    labeler = None if labels is None else make_labeler(labels)
    nearest = nearest_neighbors(catalogue, sample, labeler, progress)
    criteria = shipped_criteria(catalogue.recipe)
    found = impostors(catalogue, sample, nearest, criteria, progress)
    if labeler is None:
        genuine = genuine_pairs(catalogue, sample, progress)
        calibration = _fit(catalogue, rate, "copies", found.scores, genuine.scores, genuine.related)
        model = _verdict_model(criteria.model, rate, len(catalogue), found.columns, genuine)
        calibration = replace(calibration, verdict_model=model)
    else:
        genuine_scores = nearest.genuine[np.isfinite(nearest.genuine)]
        impostor_scores = nearest.scores[:, 0]
        calibration = _fit(catalogue, rate, "labels", impostor_scores, genuine_scores)
    save(catalogue.store, calibration)
    return calibration


def _fit(
    catalogue: Catalogue,
    rate: float,
    match_kind: MatchKind,
    impostor: Values,
    genuine: Values,
    related: Values | None = None,
) -> Calibration:
    impostor = impostor[np.isfinite(impostor)]
    _check(impostor, genuine, match_kind)
    measure = catalogue.recipe.measure
    return Calibration.fit(measure, rate, len(catalogue), match_kind, impostor, genuine, related)


def _verdict_model(
    shipped: VerdictModel, rate: float, images: int, columns: list[Values], genuine: Genuine
) -> VerdictModel | None:
    """With the shipped weights; None if too few images show enough to be compared by pixels."""
    if len(columns) < FEWEST:
        return None
    return VerdictModel.fit(shipped.weights, rate, images, columns, genuine.columns)


def _check(impostor: Values, genuine: Values, match_kind: MatchKind) -> None:
    by_labels = match_kind == "labels"
    if by_labels and len(genuine) < FEWEST:
        raise CalibrationError(
            f"only {len(genuine)} images share a label with another: label at least {FEWEST}"
        )
    if len(impostor) < FEWEST:
        raise CalibrationError(
            "too few images are unrelated to the others: "
            + ("all have the same label" if by_labels else "nearly all are copies of each other")
            + ": add other images"
        )
    if np.ptp(impostor) < _ROUNDING:
        raise CalibrationError(
            "all images score the same: calibrate a catalogue of another encoder"
        )
