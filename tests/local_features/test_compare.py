"""Image matching, and the drawing of correspondences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder import UnknownPlugin, UnreadableImage
from imagefinder.images.decode import decode
from imagefinder.images.limits import Limits
from imagefinder.local_features.compare import Comparison, match_images
from imagefinder.local_features.geometric_matcher import GeometricMatcher
from imagefinder.local_features.mutual_matcher import MutualMatcher
from imagefinder.local_features.sift import Sift
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Correspondences, LocalFeatures, Matcher

BLANK = np.full((300, 400, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def scene() -> PIL.Image.Image:
    return draw_scene("harbour")


@pytest.fixture(scope="module")
def pair(scene: PIL.Image.Image) -> Comparison:
    """A scene, and the same turned and larger."""
    return match_images(scene, scene.resize((1200, 900)).rotate(30, expand=True))


def test_the_same_thing_is_verified_and_another_is_not(pair: Comparison) -> None:
    assert pair.correspondences.verified
    assert len(pair.correspondences) > 20
    other = match_images(draw_scene("harbour"), draw_scene("chessboard"))
    assert other.correspondences.verified is False


def test_real_views_are_told_from_others(assets: Path) -> None:
    pairs = assets / "data/pairs"
    front, side = (
        pairs / "hloc-sacre_coeur" / name
        for name in ("03903474_1471484089.jpg", "60584745_2207571072.jpg")
    )
    assert match_images(front, side).correspondences.verified, "not flat, so by the other geometry"
    assert match_images(front, side, matcher="geometric").correspondences.verified is False
    assert not match_images(front, pairs / "lightglue/DSC_0410.JPG").correspondences.verified


def test_what_is_found_is_what_extractor_and_reranker_find(scene: PIL.Image.Image) -> None:
    sift, other = Sift(features=60, side=200), draw_scene("harbour").rotate(10)
    found = match_images(scene, other, local=sift, matcher=MutualMatcher())
    wanted = sift.extract([decode(image, sift.resize).pixels for image in (scene, other)])
    for local, same in zip(found.local, wanted, strict=True):
        np.testing.assert_array_equal(local.points, same.points)
    np.testing.assert_array_equal(found.correspondences.pairs, MutualMatcher().match(*wanted).pairs)
    assert found.correspondences.verified is None


def test_rerankers_go_by_their_names_and_nothing_said_is_either_geometry(
    scene: PIL.Image.Image,
) -> None:
    few, turned = Sift(features=100, side=320), scene.rotate(5)
    wanted: dict[str | None, Matcher] = {
        "mutual": MutualMatcher(),
        "geometric": GeometricMatcher(),
        None: GeometricMatcher("either"),
    }
    for name, matcher in wanted.items():
        found = match_images(scene, turned, local=few, matcher=name)
        np.testing.assert_array_equal(
            found.correspondences.pairs, matcher.match(*found.local).pairs
        )


def test_an_image_may_come_in_any_form(scene: PIL.Image.Image, tmp_path: Path) -> None:
    scene.save(tmp_path / "scene.png")
    few = Sift(features=50, side=200)
    wanted = match_images(scene, scene, local=few).correspondences.pairs
    with (tmp_path / "scene.png").open("rb") as file:
        for form in (tmp_path / "scene.png", str(tmp_path / "scene.png"), np.asarray(scene), file):
            found = match_images(form, scene, local=few).correspondences
            np.testing.assert_array_equal(found.pairs, wanted)


def test_a_blank_image_matches_nothing(scene: PIL.Image.Image) -> None:
    for one, other in ((BLANK, scene), (scene, BLANK), (BLANK, BLANK)):
        found = match_images(one, other)
        assert (len(found.correspondences), found.correspondences.verified) == (0, False)
        assert found.drawn().mode == "RGB"


def test_what_cannot_be_used_is_named(scene: PIL.Image.Image, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    for bad, said in (
        ("none.jpg", "none.jpg: no such file"),
        ("text.jpg", "text.jpg: not an imag"),
    ):
        for one, other in ((tmp_path / bad, scene), (scene, tmp_path / bad)):
            with pytest.raises(UnreadableImage, match=said):
                match_images(one, other)
    with pytest.raises(UnknownPlugin, match="geometric, mutual"):
        match_images(scene, scene, matcher="closest")
    with pytest.raises(UnknownPlugin, match="sift"):
        match_images(scene, scene, local="surf")


def test_limits_hold(scene: PIL.Image.Image, tmp_path: Path) -> None:
    scene.save(tmp_path / "scene.png")
    with pytest.raises(Exception, match="larger than 100 bytes"):
        match_images(tmp_path / "scene.png", scene, limits=Limits(max_bytes=100))


def test_a_drawing_holds_both_images_side_by_side(scene: PIL.Image.Image) -> None:
    large = draw_scene("chessboard").resize((2000, 1000))
    found = match_images(scene, large)
    drawing = found.drawn()
    assert drawing.size == (480 + 8 + 640, 360), "large ones are drawn within 640 pixels"
    pixels = np.asarray(match_images(scene, BLANK).drawn())
    np.testing.assert_array_equal(pixels[:360, :480], np.asarray(scene))
    assert (pixels[:, 480:488] == 255).all(), "a white gap"


def marked(count: int) -> Comparison:
    """Two black images of 100 × 100 pixels and as many matches, from left to right."""
    places = np.linspace(0.1, 0.9, count, dtype=np.float32)
    points = np.stack([np.full(count, 0.5, np.float32), places], axis=1)
    local = LocalFeatures(points, np.zeros((count, 4), np.float32))
    black = np.zeros((100, 100, 3), np.uint8)
    pairs = np.stack([np.arange(count), np.arange(count)[::-1]], axis=1)
    return Comparison((black, black), (local, local), Correspondences(pairs, verified=True))


def lit(found: Comparison) -> np.ndarray:
    """Where the left image is drawn upon."""
    pixels = np.asarray(found.drawn())
    assert pixels.shape == (100, 208, 3)
    return np.asarray((pixels[:, :100] > 0).any(axis=2))


def test_a_line_joins_what_matches() -> None:
    places = [(50.0, 10.0), (50.0, 90.0)]
    drawn = lit(marked(2))
    for x, y in places:
        assert drawn[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].sum() > 5
    assert not drawn[:, :47].any(), "lines lead to the right"
    # 40 of the 108 columns further, each has gone so much of its 80 rows
    gone = 80 * 40 / 108
    assert drawn[:, 90].nonzero()[0] == pytest.approx([10 + gone, 90 - gone], abs=1)


def test_without_matches_nothing_is_drawn() -> None:
    assert not lit(marked(0)).any()


def test_at_most_two_hundred_lines_are_drawn() -> None:
    for count, lines in ((1, 1), (200, 200), (201, 101), (399, 200), (1000, 200)):
        assert len(marked(count).lines()) == lines
