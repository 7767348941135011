"""Generalized Pareto tail (peaks over threshold): a distribution beyond what its sample shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

_SHARE = 0.1  # of the sample is the tail
_STEPS = 64  # quantiles of the body
_SHAPES = (-1.0, 0.45)  # where probability-weighted moments are reliable
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ParetoTail:
    """Empirical quantiles up to a threshold, and a generalized Pareto distribution above it.

    Above a high threshold all common distributions tend to it: Pickands, "Statistical inference
    using extreme order statistics", Annals of Statistics 1975.
    """

    body: tuple[float, ...]
    """Quantiles at evenly spaced levels from 0 to ``1 - share``; the last is the threshold."""
    share: float
    """The probability of the tail."""
    scale: float
    shape: float

    @classmethod
    def fit(cls, values: Values, weights: Values) -> ParetoTail:
        """Fit to a weighted sample, ``(n,)`` each, by probability-weighted moments.

        Hosking and Wallis, "Parameter and quantile estimation for the generalized Pareto
        distribution", Technometrics 1987.
        """
        order = np.argsort(values)
        values, weights = values[order], weights[order] / weights.sum()
        levels = np.cumsum(weights) - weights / 2
        body = np.interp(np.linspace(0, 1 - _SHARE, _STEPS + 1), levels, values)
        beyond = values > body[-1]
        excess, weights = values[beyond] - body[-1], weights[beyond]
        if not beyond.any() or excess.max() <= _ROUNDING:
            return cls(tuple(body.tolist()), _SHARE, _ROUNDING, 0.0)
        weights = weights / weights.sum()
        higher = 1 - (np.cumsum(weights) - weights / 2)
        first, second = float(weights @ excess), float(weights @ (excess * higher))
        shape = float(np.clip(2 - first / (first - 2 * second), *_SHAPES))
        return cls(tuple(body.tolist()), _SHARE, first * (1 - shape), shape)

    def quantile(self, survival: float) -> float:
        """The value that is reached with probability ``survival``, above 0."""
        if survival >= self.share:
            levels = np.linspace(self.share, 1, len(self.body))
            return float(np.interp(survival, levels, self.body[::-1]))
        ratio = survival / self.share
        if self.shape == 0:
            return self.body[-1] - self.scale * float(np.log(ratio))
        return self.body[-1] + self.scale * float(ratio**-self.shape - 1) / self.shape
