"""A probability from one number, by a logistic curve that only rises."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagefinder.search.calibration.pareto import Numbers

_ROUNDS = 50
_STEEPEST = 50.0


class Logistic(NamedTuple):
    """``1 / (1 + exp(-(slope * value + offset)))``."""

    slope: float
    offset: float

    def __call__(self, value: float) -> float:
        """0 to 1."""
        return float(1 / (1 + np.exp(-np.clip(self.slope * value + self.offset, -500, 500))))


def fitted(true: Numbers, false: Numbers) -> Logistic:
    """To values of two kinds, ``(n,)`` and ``(m,)``, as if there were as many of one as the other.

    Newton's method, with targets kept off 0 and 1 lest the curve become a step: Platt,
    "Probabilistic outputs for support vector machines", 1999. Where the first kind is not the
    higher one, the curve is flat.
    """
    values = np.concatenate([true, false])
    weights = np.repeat([0.5 / len(true), 0.5 / len(false)], [len(true), len(false)])
    targets = np.repeat(
        [(len(true) + 1) / (len(true) + 2), 1 / (len(false) + 2)], [len(true), len(false)]
    )
    middle, spread = values.mean(), max(float(values.std()), 1e-9)
    columns = np.stack([(values - middle) / spread, np.ones_like(values)], axis=1)
    found = np.zeros(2)
    for _ in range(_ROUNDS):
        given = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
        slopes = columns.T @ (weights * (targets - given))
        curvature = columns.T @ (columns * (weights * given * (1 - given))[:, None])
        found = found + np.linalg.solve(curvature + 1e-9 * np.eye(2), slopes).clip(-1, 1)
    slope = float(np.clip(found[0], 0, _STEEPEST)) / spread
    return Logistic(slope, float(found[1]) - slope * float(middle)) if slope else Logistic(0.0, 0.0)
