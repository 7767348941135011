"""A distribution known by a sample, and beyond it by the tail that extreme values have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_SHARE = 0.1  # of the sample is the tail
_STEPS = 64  # of the body
_SHAPES = (-1.0, 0.45)  # where probability-weighted moments can be relied on
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Tailed:
    """Quantiles up to where the tail begins, and there a generalised Pareto distribution.

    Above a high threshold all usual distributions tend to it: Pickands, "Statistical inference
    using extreme order statistics", Annals of Statistics 1975.
    """

    body: tuple[float, ...]
    """At evenly spaced shares from 0 to ``1 - share``; the last is where the tail begins."""
    share: float
    """Of all values, those in the tail."""
    scale: float
    shape: float

    @classmethod
    def fitted(cls, values: Numbers, weights: Numbers) -> Tailed:
        """To a weighted sample, ``(n,)`` each, by probability-weighted moments.

        Hosking and Wallis, "Parameter and quantile estimation for the generalized Pareto
        distribution", Technometrics 1987.
        """
        order = np.argsort(values)
        values, weights = values[order], weights[order] / weights.sum()
        shares = np.cumsum(weights) - weights / 2
        body = np.interp(np.linspace(0, 1 - _SHARE, _STEPS + 1), shares, values)
        beyond = values > body[-1]
        over, weights = values[beyond] - body[-1], weights[beyond]
        if not beyond.any() or over.max() <= _ROUNDING:
            return cls(tuple(body.tolist()), _SHARE, _ROUNDING, 0.0)
        weights = weights / weights.sum()
        higher = 1 - (np.cumsum(weights) - weights / 2)
        first, second = float(weights @ over), float(weights @ (over * higher))
        shape = float(np.clip(2 - first / (first - 2 * second), *_SHAPES))
        return cls(tuple(body.tolist()), _SHARE, first * (1 - shape), shape)

    def survival(self, value: float) -> float:
        """The share of all that is at least this."""
        begin = self.body[-1]
        if value < begin:
            shares = np.linspace(1, self.share, len(self.body))
            return float(np.interp(value, self.body, shares))
        over = (value - begin) / self.scale
        if self.shape == 0:
            return float(self.share * np.exp(-over))
        return float(self.share * max(0.0, 1 + self.shape * over) ** (-1 / self.shape))

    def quantile(self, survival: float) -> float:
        """What this share reaches, above 0: the inverse of ``survival``."""
        if survival >= self.share:
            shares = np.linspace(self.share, 1, len(self.body))
            return float(np.interp(survival, shares, self.body[::-1]))
        ratio = survival / self.share
        if self.shape == 0:
            return self.body[-1] - self.scale * float(np.log(ratio))
        return self.body[-1] + self.scale * float(ratio**-self.shape - 1) / self.shape
