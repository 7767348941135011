import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto

from imagefinder.verification.pareto import ParetoTail


def fit(values: np.ndarray) -> ParetoTail:
    return ParetoTail.fit(values, np.ones_like(values))


def survival(tail: ParetoTail, value: float) -> float:
    """The share of the distribution that lies above a value of its tail, by scipy."""
    excess = value - tail.body[-1]
    return float(tail.share * genpareto.sf(excess, tail.shape, scale=tail.scale))


@given(st.integers(0, 99), st.floats(1e-6, 0.099))
def test_quantiles_of_the_tail_are_those_of_scipy(seed: int, share: float) -> None:
    tail = fit(np.random.default_rng(seed).normal(size=300))
    assert survival(tail, tail.quantile(share)) == pytest.approx(share, rel=1e-6)


@given(st.integers(0, 99), st.floats(0.11, 0.999))
def test_quantiles_of_the_body_are_those_of_the_sample(seed: int, share: float) -> None:
    sample = np.random.default_rng(seed).normal(size=300)
    reached = float((sample >= fit(sample).quantile(share)).mean())
    assert reached == pytest.approx(share, abs=0.02)


def test_the_tail_of_an_exponential_is_found_beyond_the_sample() -> None:
    drawn = np.random.default_rng(0).exponential(size=(40, 1000))
    found = [fit(values).quantile(1e-4) for values in drawn]
    assert np.median(found) == pytest.approx(-np.log(1e-4), rel=0.1)


def test_a_bounded_tail_stays_within_reason() -> None:
    tail = fit(np.random.default_rng(0).uniform(size=2000))
    assert tail.shape < 0
    assert tail.quantile(1e-6) < 1.1


def test_values_of_no_weight_do_not_count() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    more = np.concatenate([values, np.full(500, 9.0)])
    weights = np.repeat([1.0, 0.0], [1000, 500])
    assert ParetoTail.fit(more, weights).quantile(0.001) == pytest.approx(
        fit(values).quantile(0.001)
    )


def test_equal_values_have_no_tail() -> None:
    tail = fit(np.full(100, 3.0))
    assert tail.quantile(0.5) == 3
    assert tail.quantile(1e-6) == pytest.approx(3)
