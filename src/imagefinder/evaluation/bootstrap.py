"""Bootstrap confidence intervals of means over queries."""

from __future__ import annotations

import numpy as np

from imagefinder.evaluation.metrics import Values


def confidence_intervals(values: Values, resamples: int, confidence: float, seed: int) -> Values:
    """Bounds of the mean of each column, (2, columns), of ``values``, (queries, columns).

    Percentiles of the means of resamples drawn with replacement. Efron and Tibshirani, "An
    Introduction to the Bootstrap", chapter 13.
    """
    rng = np.random.default_rng(seed)
    queries = len(values)
    means = np.empty((resamples, values.shape[1]))
    for resample in range(resamples):
        drawn = np.bincount(rng.integers(0, queries, queries), minlength=queries)
        means[resample] = drawn @ values / queries
    outside = (1 - confidence) / 2
    return np.asarray(np.quantile(means, [outside, 1 - outside], axis=0))
