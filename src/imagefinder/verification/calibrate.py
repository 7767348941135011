"""Calibrate a catalogue: learn its match threshold at a stated false-positive rate."""

from __future__ import annotations

import os

import numpy as np

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.labels import make_labeler
from imagefinder.errors import CalibrationError
from imagefinder.types import Progress
from imagefinder.verification.genuine import copy_scores
from imagefinder.verification.impostors import nearest_neighbors, scores_without_copies
from imagefinder.verification.model import Calibration, MatchKind
from imagefinder.verification.pareto import Values
from imagefinder.verification.sample import FEWEST, draw_sample
from imagefinder.verification.store import save

_UNVERIFIED = 0.01  # of copies score below the least score that is verified by pixels
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
    modified copy: genuine scores come from copies made in twelve ways from stored files, and a
    neighbor with the same pixels (normalized cross-correlation) is no impostor. With ``labels``, a
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
    match_kind: MatchKind
    related: Values | None
    if labeler is None:
        match_kind = "copies"
        genuine, related = copy_scores(catalogue, sample, progress)
        least = float(np.quantile(genuine, _UNVERIFIED))
        impostor = scores_without_copies(catalogue, sample, nearest, least, progress)
    else:
        match_kind = "labels"
        genuine, related = nearest.genuine[np.isfinite(nearest.genuine)], None
        impostor = nearest.scores[:, 0]
    impostor = impostor[np.isfinite(impostor)]
    _check(impostor, genuine, match_kind)
    calibration = Calibration.fit(
        catalogue.recipe.measure, rate, len(catalogue), match_kind, impostor, genuine, related
    )
    save(catalogue.store, calibration)
    return calibration


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
