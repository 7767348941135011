"""Intervals of means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import bootstrap

from imagefinder.evaluation.bootstrap import confidence_intervals


def test_intervals_are_those_of_scipy_but_for_chance() -> None:
    values = np.random.default_rng(1).random((300, 2)) ** [1, 4]
    ours = confidence_intervals(values, 4000, 0.9, seed=2)
    theirs = [
        bootstrap(
            (column,), np.mean, n_resamples=4000, confidence_level=0.9, method="percentile", rng=3
        ).confidence_interval
        for column in values.T
    ]
    assert_allclose(ours, np.array(theirs).T, atol=0.003)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random((50, 1))
    one, same, other = (confidence_intervals(values, 200, 0.95, seed) for seed in (1, 1, 2))
    assert_allclose(one, same, rtol=0)
    assert (one != other).any()


def test_what_does_not_vary_has_no_width() -> None:
    assert confidence_intervals(np.full((7, 1), 0.3), 100, 0.95, 0) == pytest.approx(0.3)
