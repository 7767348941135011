"""From a score to "match" or "no match", as a catalogue's own scores say."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from imagefinder.search.calibration.pareto import Numbers, Tailed
from imagefinder.search.calibration.platt import Logistic, fitted
from imagefinder.types import Measure

Truth = Literal["copies", "labels"]
"""What a match is: the same image, changed, or an image of the same label."""

_NEAREST = {"cosine": 1e-6, "l2": 1e-6, "hamming": 1e-3}  # to a score of 1, but for rounding
_FLOOR = 0.02  # of what belongs together may score below the floor


@dataclass(frozen=True)
class Calibration:
    """How high unrelated images score in a catalogue, and how high matches do.

    The rate of false matches is counted by searches: of searches for an image that has no match in
    the catalogue, this share is told that there is one.
    """

    measure: Measure
    rate: float
    """The share of false matches that is allowed if nothing else is said."""
    images: int
    """How many the catalogue held when this was learnt."""
    searches: int
    """How many best scores of unrelated images it was learnt from."""
    truth: Truth
    floor: float
    """The score that 98 % of pairs of images reach of which one is the other, changed, or both
    are a third one; by labels, 98 % of the best scores of matches."""
    unrelated: Tailed
    """Best scores of searches without a match, on the scale of ``_stretched``."""
    logistic: Logistic

    @classmethod
    def learnt(
        cls,
        measure: Measure,
        rate: float,
        images: int,
        truth: Truth,
        unrelated: Numbers,
        true: Numbers,
        family: Numbers | None = None,
    ) -> Calibration:
        """From best scores of unrelated images, ``(n,)``, and those of matches, ``(m,)``.

        ``family`` has scores of all pairs that belong together, if there are more of them.
        """
        best, matching = _stretched(measure, unrelated), _stretched(measure, true)
        return cls(
            measure,
            rate,
            images,
            len(best),
            truth,
            float(np.quantile(true if family is None else family, _FLOOR)),
            Tailed.fitted(best, np.ones_like(best)),
            fitted(matching, best),
        )

    def threshold(self, images: int, rate: float | None = None) -> float:
        """The score from which on there is a match, in a catalogue of so many images.

        Were the best of n unrelated images to stay below a score with probability p, the best of
        m would with p^(m / n).
        """
        rate = self.rate if rate is None else rate
        here = -math.expm1(math.log1p(-rate) * self.images / max(1, images))
        score = _score(self.measure, self.unrelated.quantile(here))
        return score if self.measure == "dot" else min(score, 1 - _NEAREST[self.measure])

    def false_rate(self, score: float, images: int) -> float:
        """Of searches for an image that has no match, the share whose best score reaches this."""
        here = self.unrelated.survival(float(_stretched(self.measure, np.array([score]))[0]))
        if here >= 1:
            return 1.0
        return -math.expm1(math.log1p(-here) * images / self.images)

    def is_match(self, score: float, images: int) -> bool:
        """Whether it is one at the calibrated rate."""
        return score >= self.threshold(images)

    def probability(self, score: float) -> float:
        """That a best score is a true match's, 0 to 1, rising with the score.

        It assumes that as many searches have a match as have none, and a catalogue of the size that
        it had when this was learnt.
        """
        return self.logistic(float(_stretched(self.measure, np.array([score]))[0]))

    def to_json(self) -> str:
        """All of it, as text that a person can read."""
        return json.dumps({**asdict(self), "logistic": self.logistic._asdict()})

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Raises ValueError, TypeError or KeyError if it makes no sense."""
        values = json.loads(text)
        about: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        tail = about["unrelated"]
        body = tuple(float(value) for value in tail["body"])
        numbers = [float(tail[name]) for name in ("share", "scale", "shape")]
        about["unrelated"] = Tailed(body, *numbers)
        about["logistic"] = Logistic(*(float(values["logistic"][x]) for x in Logistic._fields))
        found = cls(**about)
        _check(found)
        return found


def _check(found: Calibration) -> None:
    tail = found.unrelated
    numbers = [*tail.body, tail.scale, tail.shape, found.floor, *found.logistic]
    sound = (
        found.measure in get_args(Measure)
        and found.truth in get_args(Truth)
        and 0 < found.rate < 1
        and 0 < tail.share < 1
        and tail.scale > 0
        and found.logistic.slope >= 0
        and int(found.images) >= 1
        and int(found.searches) >= 1
        and len(tail.body) > 1
        and bool(np.isfinite(numbers).all())
    )
    if not sound:
        raise ValueError("it is no calibration")


def _stretched(measure: Measure, scores: Numbers) -> Numbers:
    """Minus the logarithm of what is missing to 1: there best scores are about normal.

    Scores of ``dot`` have no bound and stay as they are.
    """
    scores = np.asarray(scores, np.float64)
    if measure == "dot":
        return scores
    return np.asarray(-np.log(np.maximum(1 - scores, _NEAREST[measure])))


def _score(measure: Measure, stretched: float) -> float:
    return stretched if measure == "dot" else 1 - math.exp(-stretched)
