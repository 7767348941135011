"""Verdict model: the probability that two images are the same, and the threshold of a rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from imagefinder.verification.logistic import fit_logistic, logistic
from imagefinder.verification.pareto import ParetoTail, Values

COLUMNS = ("offset", "correlation", "overlap", "color", "score")
"""What an image pair is judged by; see ``evidence_columns``."""


@dataclass(frozen=True)
class VerdictModel:
    """Logistic regression over the evidence, and the distribution of what impostors reach.

    The false-positive rate is per query: the share of queries without a match in the catalogue for
    which one of the verified hits is called the same image.
    """

    weights: tuple[float, ...]
    """Of ``COLUMNS``; the score has none where the model holds for any encoder."""
    rate: float
    """The accepted false-positive rate, unless another is given."""
    images: int
    """The size of the catalogue that it was fit to."""
    impostor_logits: ParetoTail
    """The distribution of the best log-odds of a query without a match."""
    recall: float
    """The share of modified copies that reach the threshold."""

    @classmethod
    def fit(
        cls,
        weights: Sequence[float],
        rate: float,
        images: int,
        impostors: Sequence[Values],
        genuine: Values,
    ) -> VerdictModel:
        """With given weights: from the columns of each query's impostors and of copies.

        ``impostors`` has, for each query, the columns ``(n, d)`` of its hits.
        """
        best = np.array([(rows @ np.array(weights)).max() for rows in impostors])
        tail = ParetoTail.fit(best, np.ones_like(best))
        found = cls(tuple(weights), rate, images, tail, 0.0)
        reached = found.logits(genuine) >= found.threshold(images)
        return replace(found, recall=float(reached.mean()))

    def logits(self, columns: Values) -> Values:
        """The log-odds of being the same image, ``(n,)``, from evidence, ``(n, d)``."""
        return np.asarray(columns @ np.array(self.weights))

    def threshold(self, images: int, rate: float | None = None) -> float:
        """The least log-odds of a match in a catalogue of that many images.

        If the best of n impostors stays below a value with probability p, the best of m does with
        p^(m / n). A catalogue smaller than the one it was fit to gets that one's.
        """
        rate = self.rate if rate is None else rate
        here = -math.expm1(math.log1p(-rate) * self.images / max(self.images, images))
        return self.impostor_logits.quantile(here)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "weights": dict(zip(COLUMNS, self.weights, strict=True))}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VerdictModel:
        """Raises ValueError, TypeError or KeyError if it is not a valid model."""
        tail = values["impostor_logits"]
        found = cls(
            tuple(float(values["weights"][name]) for name in COLUMNS),
            float(values["rate"]),
            int(values["images"]),
            ParetoTail(
                tuple(float(value) for value in tail["body"]),
                *(float(tail[name]) for name in ("share", "scale", "shape")),
            ),
            float(values["recall"]),
        )
        _check(found)
        return found


def probability_of(logit: float) -> float:
    """The probability of a match with these log-odds, if as many pairs are matches as are not."""
    return float(logistic(np.array(logit)))


def fit_weights(impostors: Values, genuine: Values, with_score: bool) -> tuple[float, ...]:
    """The weights of COLUMNS by logistic regression, from rows of both kinds, ``(n, d)``."""
    columns = np.concatenate([impostors, genuine])
    if not with_score:
        columns = columns[:, :-1]
    deviation = np.maximum(columns.std(axis=0), 1e-9)
    deviation[0] = 1.0  # the offset
    is_genuine = np.repeat([0.0, 1.0], [len(impostors), len(genuine)])
    found = fit_logistic(columns / deviation, is_genuine, [0.0, *[1e-4] * (columns.shape[1] - 1)])
    weights = [float(weight) for weight in found / deviation]
    return (*weights, 0.0) if not with_score else tuple(weights)


def _check(found: VerdictModel) -> None:
    tail = found.impostor_logits
    valid = (
        0 < found.rate < 1
        and found.images >= 1
        and 0 < tail.share < 1
        and tail.scale > 0
        and len(tail.body) > 1
        and 0 <= found.recall <= 1
        and bool(np.isfinite([*found.weights, *tail.body, tail.scale, tail.shape]).all())
    )
    if not valid:
        raise ValueError("not a valid verdict model")
