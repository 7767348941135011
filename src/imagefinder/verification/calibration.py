"""Calibration: a match threshold at a stated false-positive rate, and match probabilities."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imagefinder.types import Measure
from imagefinder.verification.pareto import ParetoTail, Values
from imagefinder.verification.platt import PlattScaling
from imagefinder.verification.verdict_model import VerdictModel

MatchKind: TypeAlias = Literal["copies", "labels"]
"""What counts as a match: a modified copy of the image, or an image with the same label."""

_NEAREST = {"cosine": 1e-6, "l2": 1e-6, "hamming": 1e-3}  # distance from a score of 1, for rounding
_MISSED = 0.02  # of pairs of copies score below the duplicate threshold
_STORED_NAMES = {  # where the names in saved calibrations differ from ours
    "images": "pictures",
    "match_kind": "truth",
    "duplicate_threshold": "floor",
    "impostor_scores": "unrelated",
    "platt_scaling": "logistic",
}
_LATER = ("recall", "verdict_model")  # not in calibrations of earlier versions


@dataclass(frozen=True)
class Calibration:
    """The distribution of impostor and genuine scores in a catalogue.

    The false-positive rate is per query: the share of queries without a match in the catalogue for
    which a match is reported.
    """

    measure: Measure
    rate: float
    """The accepted false-positive rate, unless another is given."""
    images: int
    """The size of the catalogue when it was calibrated."""
    searches: int
    """The number of impostor scores in the sample."""
    match_kind: MatchKind
    duplicate_threshold: float
    """The score that 98 % of pairs of copies reach, where one is a modified version of the other or
    both are of a third; with labels, 98 % of the best genuine scores."""
    impostor_scores: ParetoTail
    """The distribution of the best score of a query without a match, on the scale of
    ``stretched``."""
    platt_scaling: PlattScaling
    recall: float | None = None
    """The share of genuine scores that reach the match threshold; unknown if an earlier version
    calibrated."""
    verdict_model: VerdictModel | None = None
    """By which the first hits are verified; without it, that which is shipped."""

    @classmethod
    def fit(
        cls,
        measure: Measure,
        rate: float,
        images: int,
        match_kind: MatchKind,
        impostor: Values,
        genuine: Values,
        related: Values | None = None,
    ) -> Calibration:
        """Fit to the best scores of impostors, ``(n,)``, and of genuine matches, ``(m,)``.

        ``related`` has the scores of all pairs that belong together, if there are more of them.
        """
        impostors = stretched(measure, impostor)
        found = cls(
            measure,
            rate,
            images,
            len(impostors),
            match_kind,
            float(np.quantile(genuine if related is None else related, _MISSED)),
            ParetoTail.fit(impostors, np.ones_like(impostors)),
            PlattScaling.fit(stretched(measure, genuine), impostors),
        )
        return replace(found, recall=float(np.mean(genuine >= found.threshold(images))))

    def threshold(self, images: int, rate: float | None = None) -> float:
        """The match threshold for a catalogue of that many images.

        If the best of n impostors stays below a score with probability p, the best of m does with
        p^(m / n).
        """
        rate = self.rate if rate is None else rate
        here = -math.expm1(math.log1p(-rate) * self.images / max(1, images))
        score = _score(self.measure, self.impostor_scores.quantile(here))
        return score if self.measure == "dot" else min(score, 1 - _NEAREST[self.measure])

    def probability(self, score: float) -> float:
        """The probability that a best score is a genuine match's, rising with the score.

        It assumes as many queries with a match as without, and a catalogue of the size that it had
        when it was calibrated.
        """
        return self.platt_scaling(float(stretched(self.measure, np.array([score]))[0]))

    def to_json(self) -> str:
        """All of it, as readable text."""
        return json.dumps(self.as_values())

    def as_values(self) -> dict[str, Any]:
        """All of it, for JSON."""
        model = self.verdict_model and self.verdict_model.as_json()
        values = {**asdict(self), "platt_scaling": self.platt_scaling._asdict()}
        values["verdict_model"] = model
        return {_STORED_NAMES.get(name, name): one for name, one in values.items()}

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Raises ValueError, TypeError or KeyError if it is not a valid calibration."""
        return cls.from_values(json.loads(text))

    @classmethod
    def from_values(cls, stored: Mapping[str, Any]) -> Calibration:
        """The same, from parsed JSON."""
        values: dict[str, Any] = {
            field.name: stored[_STORED_NAMES.get(field.name, field.name)]
            for field in fields(cls)
            if field.name not in _LATER
        }
        values["recall"] = stored.get("recall")
        model = stored.get("verdict_model")
        values["verdict_model"] = None if model is None else VerdictModel.from_json(model)
        tail, scaling = values["impostor_scores"], values["platt_scaling"]
        body = tuple(float(value) for value in tail["body"])
        values["impostor_scores"] = ParetoTail(
            body, *(float(tail[name]) for name in ("share", "scale", "shape"))
        )
        values["platt_scaling"] = PlattScaling(
            *(float(scaling[name]) for name in PlattScaling._fields)
        )
        found = cls(**values)
        _check(found)
        return found


def _check(found: Calibration) -> None:
    tail, scaling = found.impostor_scores, found.platt_scaling
    numbers = [*tail.body, tail.scale, tail.shape, found.duplicate_threshold, *scaling]
    valid = (
        found.measure in get_args(Measure)
        and found.match_kind in get_args(MatchKind)
        and 0 < found.rate < 1
        and 0 < tail.share < 1
        and tail.scale > 0
        and scaling.slope >= 0
        and int(found.images) >= 1
        and int(found.searches) >= 1
        and len(tail.body) > 1
        and bool(np.isfinite(numbers).all())
        and (found.recall is None or 0 <= found.recall <= 1)
    )
    if not valid:
        raise ValueError("not a valid calibration")


def stretched(measure: Measure, scores: Values) -> Values:
    """Minus the logarithm of the distance to a score of 1: best scores are about normal there.

    Scores of ``dot`` have no bound and stay as they are.
    """
    scores = np.asarray(scores, np.float64)
    if measure == "dot":
        return scores
    return np.asarray(-np.log(np.maximum(1 - scores, _NEAREST[measure])))


def _score(measure: Measure, stretched: float) -> float:
    return stretched if measure == "dot" else 1 - math.exp(-stretched)
