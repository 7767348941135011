import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.types import Measure
from imagefinder.verification.calibration import Calibration

MEASURES = ("cosine", "l2", "dot", "hamming")


def best_of(images: int, searches: int, seed: int) -> np.ndarray:
    """Best scores of searches among so many images, each as a power of a uniform number."""
    best = np.random.default_rng(seed).uniform(size=searches) ** (1 / images)
    return np.asarray(1 - (1 - best) ** 0.2)


def calibrated(measure: Measure = "cosine", rate: float = 0.01, seed: int = 0) -> Calibration:
    true = np.random.default_rng(seed + 1).uniform(0.85, 1, 500)
    return Calibration.fit(measure, rate, 1000, "copies", best_of(1000, 2000, seed), true)


@pytest.mark.parametrize("images", [250, 1000, 8000])
def test_the_rate_of_false_matches_holds_as_the_catalogue_grows(images: int) -> None:
    measured = [
        (best_of(images, 4000, 100 + seed) >= calibrated(seed=seed).threshold(images)).mean()
        for seed in range(10)
    ]
    assert np.mean(measured) == pytest.approx(0.01, rel=0.4)


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_the_more_images_the_higher_the_threshold(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert calibrated().threshold(low) <= calibrated().threshold(high) <= 1


@given(st.floats(0.0001, 0.9), st.floats(0.0001, 0.9))
def test_the_rarer_false_matches_the_higher_the_threshold(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert calibrated().threshold(1000, low) >= calibrated().threshold(1000, high)


@pytest.mark.parametrize("measure", MEASURES)
@given(scores=st.lists(st.floats(-1, 1), min_size=2))
def test_probabilities_rise_with_scores(measure: Measure, scores: list[float]) -> None:
    calibration = calibrated(measure)
    found = [calibration.probability(score) for score in sorted(scores)]
    assert all(0 <= probability <= 1 for probability in found)
    assert found == sorted(found)


def test_the_probability_tells_matches_from_others() -> None:
    calibration = calibrated()
    assert calibration.probability(0.99) > 0.8
    assert calibration.probability(0.5) < 0.2


def test_matches_that_score_lower_than_others_make_a_flat_probability() -> None:
    calibration = Calibration.fit(
        "cosine", 0.01, 100, "labels", np.linspace(0.5, 0.9, 100), np.linspace(0, 0.4, 100)
    )
    assert calibration.probability(0.1) == calibration.probability(0.9) == 0.5


@pytest.mark.parametrize("measure", MEASURES)
def test_it_comes_back_from_json_as_it_was(measure: Measure) -> None:
    calibration = calibrated(measure)
    assert Calibration.from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 2},
        {"measure": "taste"},
        {"truth": "hearsay"},
        {"pictures": 0},
        {"floor": float("nan")},
        {"unrelated": {"body": [], "share": 0.1, "scale": 1, "shape": 0}},
        {"logistic": {"slope": -1, "offset": 0}},
        {"rate": "often"},
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    damaged = json.loads(calibrated().to_json()) | change
    with pytest.raises((ValueError, TypeError, KeyError)):
        Calibration.from_json(json.dumps(damaged))


def test_calibrations_of_older_catalogues_are_read() -> None:
    stored = {
        "measure": "cosine",
        "rate": 0.001,
        "pictures": 80,
        "searches": 80,
        "truth": "copies",
        "floor": 0.9,
        "unrelated": {"body": [0.5, 0.9], "share": 0.1, "scale": 0.1, "shape": -0.2},
        "logistic": {"slope": 2.0, "offset": -3.0},
    }
    found = Calibration.from_json(json.dumps(stored))
    assert (found.match_kind, found.duplicate_threshold) == ("copies", 0.9)
    assert found.impostor_scores.body == (0.5, 0.9)
    assert found.platt_scaling == (2.0, -3.0)
    assert json.loads(found.to_json()) == {**stored, "recall": None, "verdict_model": None}
