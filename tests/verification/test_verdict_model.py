"""Verdict models: from evidence to a probability, and to a threshold at a rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.verification.verdict_model import (
    COLUMNS,
    VerdictModel,
    fit_weights,
    probability_of,
)

IMAGES = 1000
RNG = np.random.default_rng(0)


def evidence(mean: float, count: int) -> np.ndarray:
    """Columns whose correlation is about this, and whose other values say nothing."""
    rows = RNG.normal(0, 0.3, (count, len(COLUMNS)))
    rows[:, 0] = 1.0
    rows[:, 1] += mean
    return rows


STRANGERS, COPIES = evidence(0.3, 4000), evidence(1.8, 500)


@pytest.fixture(scope="module")
def model() -> VerdictModel:
    weights = fit_weights(STRANGERS, COPIES, with_score=False)
    return VerdictModel.fit(weights, 0.01, IMAGES, np.split(STRANGERS, 400), COPIES)


def test_what_tells_copies_is_weighted_and_the_score_may_be_left_out(model: VerdictModel) -> None:
    weights = dict(zip(COLUMNS, model.weights, strict=True))
    assert weights["correlation"] > 5 * abs(weights["color"])
    assert weights["score"] == 0
    assert fit_weights(STRANGERS, COPIES, with_score=True)[-1] != 0


def test_the_threshold_keeps_the_rate(model: VerdictModel) -> None:
    others = np.split(evidence(0.3, 40_000), 4000)
    best = np.array([model.logits(rows).max() for rows in others])
    measured = (best >= model.threshold(IMAGES)).mean()
    assert 0.005 < measured < 0.02
    assert (best >= model.threshold(IMAGES, 0.1)).mean() == pytest.approx(0.1, rel=0.3)
    assert model.recall > 0.9


def test_a_larger_catalogue_asks_for_more_and_a_smaller_one_not_for_less(
    model: VerdictModel,
) -> None:
    assert model.threshold(100 * IMAGES) > model.threshold(IMAGES)
    assert model.threshold(10) == model.threshold(IMAGES)


def test_a_probability_is_even_at_even_odds(model: VerdictModel) -> None:
    assert probability_of(0.0) == 0.5
    copies = np.mean([probability_of(one) for one in model.logits(COPIES)])
    strangers = np.mean([probability_of(one) for one in model.logits(STRANGERS)])
    assert copies > 0.95
    assert strangers < 0.05


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_probabilities_rise_with_the_odds(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= probability_of(low) <= probability_of(high) <= 1


def test_it_is_saved_as_json_and_read_again(model: VerdictModel) -> None:
    assert VerdictModel.from_json(model.as_json()) == model


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 0},
        {"rate": "a"},
        {"images": 0},
        {"recall": 2},
        {"weights": {}},
        {"weights": dict.fromkeys(COLUMNS, float("nan"))},
        {"impostor_logits": {"body": [1.0], "share": 0.1, "scale": 1.0, "shape": 0.0}},
    ],
)
def test_what_is_not_a_model_is_refused(model: VerdictModel, change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        VerdictModel.from_json({**model.as_json(), **change})
