import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.search.calibration.pareto import Tailed


def fitted(values: np.ndarray) -> Tailed:
    return Tailed.fitted(values, np.ones_like(values))


@given(st.integers(0, 99), st.floats(1e-6, 0.999))
def test_quantile_is_the_inverse_of_survival(seed: int, share: float) -> None:
    tail = fitted(np.random.default_rng(seed).normal(size=300))
    assert tail.survival(tail.quantile(share)) == pytest.approx(share, rel=1e-6)


def test_the_tail_of_an_exponential_is_found_beyond_the_sample() -> None:
    drawn = np.random.default_rng(0).exponential(size=(40, 1000))
    found = [fitted(values).quantile(1e-4) for values in drawn]
    assert np.median(found) == pytest.approx(-np.log(1e-4), rel=0.1)


def test_a_bounded_tail_stays_within_reason() -> None:
    tail = fitted(np.random.default_rng(0).uniform(size=2000))
    assert tail.shape < 0
    assert tail.quantile(1e-6) < 1.1
    assert tail.survival(2) == 0


def test_values_of_no_weight_do_not_count() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    more = np.concatenate([values, np.full(500, 9.0)])
    weights = np.repeat([1.0, 0.0], [1000, 500])
    assert Tailed.fitted(more, weights).quantile(0.001) == pytest.approx(
        fitted(values).quantile(0.001)
    )


def test_values_that_are_all_equal_have_a_tail_of_nothing() -> None:
    tail = fitted(np.full(100, 3.0))
    assert tail.quantile(0.5) == 3
    assert tail.quantile(1e-6) == pytest.approx(3)
    assert tail.survival(3.1) == 0
