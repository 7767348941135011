"""SIFT: OpenCV's descriptors as RootSIFT, at the points where things were drawn."""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import PluginError
from imagefinder.images.decode import decode
from imagefinder.local_features.geometric_matcher import GeometricMatcher
from imagefinder.local_features.sift import Sift
from imagefinder.registry.factory import extractor_from, make_extractor, recipe_of
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Image, LocalFeatures

BLANK = np.full((300, 400, 3), 128, np.uint8)


def seen(image: Image | PIL.Image.Image, sift: Sift | None = None) -> LocalFeatures:
    sift = sift or Sift()
    (local,) = sift.extract([decode(image, sift.resize).pixels])
    return local


@pytest.fixture(scope="module")
def scene() -> PIL.Image.Image:
    return draw_scene("harbour")


@pytest.fixture(scope="module")
def photograph(assets: Path) -> Image:
    return decode(assets / "data/pairs/lightglue/DSC_0410.JPG", Sift().resize).pixels


@pytest.mark.parametrize("image", [BLANK, BLANK[:1, :1], BLANK[:2], BLANK * 0])
def test_a_blank_image_has_no_local_features(image: Image) -> None:
    local = seen(image)
    assert (len(local), local.points.shape, local.descriptors.shape) == (0, (0, 2), (0, 128))
    assert local.points.dtype == local.descriptors.dtype == np.float32


def test_every_image_gets_its_own_in_order(scene: PIL.Image.Image) -> None:
    pixels = np.asarray(scene)
    found = Sift().extract([pixels, BLANK, pixels[:, ::-1]])
    assert len(found) == 3
    assert_array_equal(found[0].points, seen(pixels).points)
    assert len(found[1]) == 0
    assert len(found[2]) > 0
    assert Sift().extract([]) == []


def test_the_numbers_are_those_of_opencv(photograph: Image) -> None:
    gray = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    keypoints, descriptors = cv2.SIFT.create().detectAndCompute(gray, None)
    largest = sorted(range(len(keypoints)), key=lambda i: -keypoints[i].size)[:500]
    local = Sift().extract([photograph])[0]
    size = np.array(gray.shape[::-1])
    for point, row, i in zip(local.points, local.descriptors, largest, strict=True):
        assert_allclose(point * size, keypoints[i].pt, atol=1e-3)
        assert_allclose(row**2, descriptors[i] / descriptors[i].sum(), atol=1e-6)


def test_rows_have_length_one_and_points_lie_in_the_image(photograph: Image) -> None:
    local = Sift().extract([photograph])[0]
    assert local.descriptors.dtype == local.points.dtype == np.float32
    assert_allclose(np.linalg.norm(local.descriptors, axis=1), 1, atol=1e-5)
    assert ((local.points >= 0) & (local.points <= 1)).all()


def test_a_cap_keeps_the_first_of_all(photograph: Image) -> None:
    few, many = (Sift(features=n).extract([photograph])[0] for n in (50, 500))
    assert (len(few), len(many)) == (50, 500)
    assert_array_equal(few.points, many.points[:50])
    assert_array_equal(few.descriptors, many.descriptors[:50])


def test_a_query_has_more_of_the_same(photograph: Image) -> None:
    sift = Sift(features=50)
    few, many = (one.extract([photograph])[0] for one in (sift, sift.for_queries))
    assert (len(few), len(many)) == (50, 200)
    assert_array_equal(few.descriptors, many.descriptors[:50])


def test_the_largest_come_first() -> None:
    image = BLANK.copy()
    for x, radius in ((60, 5), (150, 15), (300, 40)):
        cv2.circle(image, (x, 150), radius, (0, 0, 0), -1)
    points = seen(image).points * (400, 300)
    first = [int(np.linalg.norm(points - (x, 150), axis=1).argmin()) for x in (300, 150, 60)]
    assert first == sorted(first)
    assert_allclose(points[first], [(300, 150), (150, 150), (60, 150)], atol=1)


@pytest.mark.parametrize("place", [(60, 60), (340, 60), (60, 240), (200, 150)])
def test_a_thing_is_seen_where_it_is(place: tuple[int, int]) -> None:
    image = BLANK.copy()
    cv2.circle(image, place, 10, (250, 240, 20), -1)
    points = seen(image).points * (400, 300)
    assert len(points) > 0
    assert_allclose(points.mean(axis=0), place, atol=3)


def test_a_large_image_is_scaled_down_and_places_stay_shares_of_it(
    scene: PIL.Image.Image,
) -> None:
    large = scene.resize((scene.width * 4, scene.height * 4), PIL.Image.Resampling.BICUBIC)
    assert max(decode(large, Sift().resize).pixels.shape) == 640
    match = GeometricMatcher().match(one := seen(scene), other := seen(large))
    assert match.verified
    assert_allclose(
        one.points[match.pairs[:, 0]], other.points[match.pairs[:, 1]], atol=4 / 640, rtol=0
    )


@pytest.mark.parametrize("degrees", [30, 90, 180])
@pytest.mark.parametrize("scale", [0.6, 1])
def test_a_turned_and_scaled_image_matches(
    scene: PIL.Image.Image, degrees: int, scale: float
) -> None:
    turned = scene.resize((round(scene.width * scale), round(scene.height * scale)))
    turned = turned.rotate(degrees, PIL.Image.Resampling.BICUBIC, expand=True)
    match = GeometricMatcher().match(seen(scene), seen(turned))
    assert match.verified
    assert len(match) >= 25


@pytest.mark.parametrize(
    "options",
    [{"features": 0}, {"features": -1}, {"features": 2.5}, {"side": "large"}, {"edges": 3}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(PluginError, match=name):
        make_extractor("sift", options)


def test_it_comes_back_from_its_recipe() -> None:
    sift = make_extractor("sift", {"features": 100})
    recipe = recipe_of(sift)
    assert (recipe.encoder, recipe.dim, recipe.measure) == ("sift", 128, "cosine")
    assert recipe.options == {"features": 100, "side": 640}
    assert extractor_from(recipe) == sift == Sift(features=100)
