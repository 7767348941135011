"""Vectors become places, and the same ones each time."""

import sys
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from imagefinder import MissingExtra
from imagefinder.visualization.map.projection import Coordinates, Projection, Vectors, project

METHODS: list[Projection] = ["tsne", "pca"]


def clusters(seed: int = 0, each: int = 30) -> Vectors:
    """Three heaps far from each other, one after the other."""
    rng = np.random.default_rng(seed)
    middles = np.repeat(10 * np.eye(3, 16), each, axis=0)
    return np.asarray(middles + rng.normal(size=(3 * each, 16)), np.float32)


def own_kind(places: Coordinates, each: int = 30) -> float:
    """The share of places whose nearest other one is of the same heap."""
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((apart.argmin(axis=1) // each == np.arange(len(places)) // each).mean())


@pytest.mark.parametrize("by", METHODS)
def test_what_belongs_together_lies_together(by: Projection) -> None:
    places = project(clusters(), by)
    assert places.shape == (90, 2)
    assert places.dtype == np.float32
    assert own_kind(places) == 1


@pytest.mark.parametrize("by", METHODS)
def test_the_same_seed_gives_the_same_places(by: Projection) -> None:
    assert_array_equal(project(clusters(), by, 3), project(clusters(), by, 3))


@pytest.mark.parametrize("by", METHODS)
@pytest.mark.parametrize(("count", "dim"), [(0, 4), (1, 4), (2, 4), (3, 1), (4, 1), (5, 80)])
def test_few_rows_have_places_too(by: Projection, count: int, dim: int) -> None:
    rows = np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)
    places = project(rows, by)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("by", METHODS)
def test_equal_rows_lie_in_the_middle(by: Projection) -> None:
    assert_array_equal(project(np.ones((9, 5), np.float32), by), np.full((9, 2), 0.5))


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 6)),
        elements=st.floats(-1000, 1000, width=32),
    )
)
@example(np.full((3, 1), 1.7313186, np.float32))  # their mean is rounded
@example(np.full((9, 4), 999.9999, np.float32))
@example(np.array([[1e-42], [3e-42], [2e-42]], np.float32))  # subnormal numbers
@example(np.array([[1000.0, 0.1], [1000.0, 0.1], [1000.0001, 0.1]], np.float32))
def test_coordinates_fill_the_longer_direction(rows: Vectors) -> None:
    places = project(rows, "pca")
    assert places.min() >= 0
    assert places.max() <= 1
    longest = np.ptp(places, axis=0).max()
    assert longest == pytest.approx(1, abs=1e-3) or longest == 0


def test_other_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="tsne, pca, umap"):
        project(clusters(), "mds")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "module", "extra"),
    [("pca", "sklearn.decomposition", "reduce"), ("umap", "umap", "umap")],
)
def test_without_its_library_it_says_what_to_install(
    by: Projection, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'imagefinder\[{extra}\]'"):
        project(clusters(), by)


def test_every_method_is_known() -> None:
    assert set(get_args(Projection)) == {*METHODS, "umap"}


def test_umap_starts_from_the_components(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stand:
        def __init__(self, **options: Any) -> None:
            self.options = options

        def fit_transform(self, rows: Vectors) -> Coordinates:
            assert self.options["random_state"] == 5
            return np.asarray(self.options["init"][:, ::-1])

    monkeypatch.setitem(sys.modules, "umap", type("umap", (), {"UMAP": Stand}))
    swapped, plain = project(clusters(), "umap", 5), project(clusters(), "pca")
    np.testing.assert_allclose(swapped[:, ::-1], plain, atol=1e-5)
