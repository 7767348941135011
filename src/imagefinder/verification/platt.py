"""Platt scaling: a probability from a score, by logistic regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagefinder.verification.pareto import Values

_ITERATIONS = 50
_STEEPEST = 50.0


class PlattScaling(NamedTuple):
    """``1 / (1 + exp(-(slope * value + offset)))``; the slope is never negative."""

    slope: float
    offset: float

    def __call__(self, value: float) -> float:
        """0 to 1."""
        return float(1 / (1 + np.exp(-np.clip(self.slope * value + self.offset, -500, 500))))

    @classmethod
    def fit(cls, genuine: Values, impostor: Values) -> PlattScaling:
        """Fit to scores of both kinds, ``(n,)`` and ``(m,)``, weighted as if equally frequent.

        Newton's method, with targets short of 0 and 1 so that the curve is no step: Platt,
        "Probabilistic outputs for support vector machines", 1999. Flat if genuine scores are not
        the higher ones.
        """
        sizes = [len(genuine), len(impostor)]
        values = np.concatenate([genuine, impostor])
        weights = np.repeat([0.5 / sizes[0], 0.5 / sizes[1]], sizes)
        targets = np.repeat([(sizes[0] + 1) / (sizes[0] + 2), 1 / (sizes[1] + 2)], sizes)
        mean, deviation = values.mean(), max(float(values.std()), 1e-9)
        columns = np.stack([(values - mean) / deviation, np.ones_like(values)], axis=1)
        found = np.zeros(2)
        for _ in range(_ITERATIONS):
            given = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
            gradient = columns.T @ (weights * (targets - given))
            curvature = columns.T @ (columns * (weights * given * (1 - given))[:, None])
            found = found + np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient).clip(-1, 1)
        slope = float(np.clip(found[0], 0, _STEEPEST)) / deviation
        return cls(slope, float(found[1]) - slope * float(mean)) if slope else cls(0.0, 0.0)
