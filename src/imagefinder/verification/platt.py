"""Platt scaling: a probability from a score, by logistic regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imagefinder.verification.logistic import fit_logistic
from imagefinder.verification.pareto import Values

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

        Platt, "Probabilistic outputs for support vector machines", 1999. Flat if genuine scores are
        not the higher ones.
        """
        values = np.concatenate([genuine, impostor])
        mean, deviation = values.mean(), max(float(values.std()), 1e-9)
        columns = np.stack([(values - mean) / deviation, np.ones_like(values)], axis=1)
        found = fit_logistic(columns, np.repeat([1.0, 0.0], [len(genuine), len(impostor)]))
        slope = float(np.clip(found[0], 0, _STEEPEST)) / deviation
        return cls(slope, float(found[1]) - slope * float(mean)) if slope else cls(0.0, 0.0)
