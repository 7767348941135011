"""Geometric verification tells images of one object from others; degenerate input never passes."""

from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from imagefinder.errors import PluginError
from imagefinder.images.decode import decode
from imagefinder.local_features.geometric_matcher import GeometricMatcher, Geometry
from imagefinder.local_features.sift import Sift
from imagefinder.registry.factory import make_matcher
from imagefinder.similarity import mutual_neighbors, unit
from imagefinder.types import LocalFeatures, Points

GEOMETRIES: tuple[Geometry, ...] = ("homography", "fundamental", "either")
MONA_LISAS = (
    "image-match/MonaLisa_Wikipedia.jpg",
    "image-match/MonaLisa_WikiImages.jpg",
    "image-match/MonaLisa_Remix_Flickr.jpg",
)
VIEWS = ("lightglue/DSC_0410.JPG", "lightglue/DSC_0411.JPG")
CARAVAGGIO = "image-match/Caravaggio_Wikipedia.jpg"
CHURCH = ("lightglue/sacre_coeur1.jpg", "hloc-sacre_coeur/44120379_8371960244.jpg")
UNRELATED = [
    *product(VIEWS, [CARAVAGGIO, *CHURCH, MONA_LISAS[0]]),
    *product(CHURCH, [CARAVAGGIO, MONA_LISAS[1]]),
    *product([CARAVAGGIO], MONA_LISAS),
]


@cache
def of(file: Path) -> LocalFeatures:
    return Sift().extract([decode(file, Sift().resize).pixels])[0]


@pytest.fixture(scope="module")
def pairs(assets: Path) -> Path:
    return assets / "data" / "pairs"


def local(points: Points, seed: int = 0) -> LocalFeatures:
    """Each point with a descriptor of its own, the same ones for the same seed."""
    descriptors = np.random.default_rng(seed).standard_normal((len(points), 128))
    return LocalFeatures(points.astype(np.float32), unit(descriptors.astype(np.float32)))


def scattered(count: int, seed: int = 5) -> Points:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (count, 2)).astype(np.float32)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("one", "other"), [*combinations(MONA_LISAS, 2), VIEWS])
def test_images_of_the_same_thing_are_verified(
    pairs: Path, one: str, other: str, geometry: Geometry
) -> None:
    for first, second in ((one, other), (other, one)):
        match = GeometricMatcher(geometry).match(of(pairs / first), of(pairs / second))
        assert match.verified is True
        assert len(match) >= 20


def test_two_views_of_a_building_are_verified(pairs: Path) -> None:
    match = GeometricMatcher("either").match(*(of(pairs / name) for name in CHURCH))
    assert match.verified


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_unrelated_images_are_not_verified(pairs: Path, geometry: Geometry) -> None:
    for one, other in UNRELATED:
        match = GeometricMatcher(geometry).match(of(pairs / one), of(pairs / other))
        assert match.verified is False, (one, other)
        assert len(match) < 16


def test_the_pairs_are_some_of_the_mutual_neighbors(pairs: Path) -> None:
    one, other = of(pairs / MONA_LISAS[0]), of(pairs / MONA_LISAS[1])
    mutual = set(map(tuple, mutual_neighbors(one.descriptors @ other.descriptors.T).tolist()))
    found = [tuple(pair) for pair in GeometricMatcher().match(one, other).pairs.tolist()]
    assert set(found) < mutual
    assert len(set(found)) == len(found)


def test_the_same_images_give_the_same_pairs(pairs: Path) -> None:
    one, other = (of(pairs / name) for name in VIEWS)
    for geometry in GEOMETRIES:
        first = GeometricMatcher(geometry).match(one, other)
        assert_array_equal(first.pairs, GeometricMatcher(geometry).match(one, other).pairs)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_points_that_moved_together_agree_and_others_do_not(geometry: Geometry) -> None:
    before = scattered(60)
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    after = (before - 0.5) @ turn * 0.8 + 0.55
    strays = np.arange(50, 60)
    after[strays] = scattered(10, seed=6)
    match = GeometricMatcher(geometry).match(local(before), local(after))
    assert match.verified
    assert set(range(50)) <= set(match.pairs[:, 0].tolist())
    # a fundamental matrix asks only for a line to be met, so a stray may meet it by chance
    assert len(set(match.pairs[:, 0].tolist()) & set(strays.tolist())) <= 3


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("count", [0, 1, 4, 5, 7, 8, 9])
def test_a_few_points_are_never_enough(geometry: Geometry, count: int) -> None:
    few = local(scattered(count))
    match = GeometricMatcher(geometry).match(few, few)
    assert match.verified is False
    assert len(match) <= count
    for one, other in ((few, local(scattered(0))), (local(scattered(0)), few)):
        assert len(GeometricMatcher(geometry).match(one, other)) == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("count", [10, 40])
def test_points_on_each_other_are_no_geometry(geometry: Geometry, count: int) -> None:
    heap = local(np.full((count, 2), 0.5, np.float32))
    assert GeometricMatcher(geometry).match(heap, heap).verified is False


@pytest.mark.parametrize("count", [10, 40])
def test_an_image_does_not_shrink_to_a_point(count: int) -> None:
    heap = local(np.full((count, 2), 0.5, np.float32))
    assert GeometricMatcher().match(local(scattered(count)), heap).verified is False
    assert GeometricMatcher().match(heap, local(scattered(count))).verified is False


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_points_on_a_line_are_handled(geometry: Geometry, slope: float) -> None:
    x = np.linspace(0.1, 0.9, 40)
    line = local(np.stack([x, slope * x + 0.1], axis=1))
    match = GeometricMatcher(geometry).match(line, line)
    assert match.verified == (len(match) >= 10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_descriptors_that_are_all_the_same_match_nothing(geometry: Geometry) -> None:
    same = LocalFeatures(scattered(30), np.repeat(local(scattered(1)).descriptors, 30, axis=0))
    assert len(GeometricMatcher(geometry).match(same, same)) <= 1


@pytest.mark.parametrize("options", [{"geometry": "round"}, {"angle": 3}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(PluginError, match=next(iter(options))):
        make_matcher("geometric", options)
