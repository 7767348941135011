"""The gallery: scenes that stay the same and differ from each other, and views that alter them."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder.testing.gallery import SCENES, VIEWS, draw_scene, save_gallery, view_of


@pytest.fixture(scope="module")
def scenes() -> dict[str, Image.Image]:
    return {name: draw_scene(name) for name in SCENES}


@pytest.fixture(scope="module")
def harbour(scenes: dict[str, Image.Image]) -> Image.Image:
    return scenes["harbour"]


@pytest.fixture
def grey() -> Image.Image:
    return Image.new("RGB", (480, 360), (128, 128, 128))


def difference(one: Image.Image, other: Image.Image) -> float:
    small = [np.asarray(image.resize((32, 24)), dtype=float) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def test_there_are_enough_scenes_with_names_of_their_own() -> None:
    assert len(SCENES) >= 20
    assert len(set(SCENES)) == len(SCENES)


def test_every_scene_is_rgb_and_of_one_size(scenes: dict[str, Image.Image]) -> None:
    assert {(scene.mode, scene.size) for scene in scenes.values()} == {("RGB", (480, 360))}


def test_a_scene_is_the_same_each_time(harbour: Image.Image) -> None:
    assert draw_scene("harbour").tobytes() == harbour.tobytes()


def test_no_two_scenes_look_alike(scenes: dict[str, Image.Image]) -> None:
    assert min(difference(*pair) for pair in combinations(scenes.values(), 2)) > 8


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_depends_on_its_seed_alone(harbour: Image.Image, view: str) -> None:
    first, again, other = (view_of(harbour, view, seed).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_leaves_the_scene_as_it_was(harbour: Image.Image, view: str) -> None:
    before = harbour.tobytes()
    view_of(harbour, view, 3)
    assert harbour.tobytes() == before


@pytest.mark.parametrize("seed", range(12))
def test_size_keeps_within_its_bounds(harbour: Image.Image, seed: int) -> None:
    factor = view_of(harbour, "size", seed).width / harbour.width
    assert 0.34 <= factor <= 1.5
    assert not 0.8 < factor < 1.1


@pytest.mark.parametrize("seed", range(12))
def test_crop_keeps_most_of_the_scene(harbour: Image.Image, seed: int) -> None:
    assert 0.7 <= view_of(harbour, "crop", seed).width / harbour.width <= 0.8


@pytest.mark.parametrize("seed", range(12))
def test_light_changes_the_mood(grey: Image.Image, seed: int) -> None:
    red, green, blue = np.asarray(view_of(grey, "light", seed), dtype=float).mean(axis=(0, 1))
    assert abs(green - 128) > 15
    assert abs(red - blue) > 5


@pytest.mark.parametrize("seed", range(12))
def test_angle_leaves_no_empty_corners(grey: Image.Image, seed: int) -> None:
    assert np.all(np.asarray(view_of(grey, "angle", seed)) == 128)


def test_compression_loses_detail(harbour: Image.Image) -> None:
    def bytes_at_90(image: Image.Image) -> int:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        return buffer.tell()

    assert bytes_at_90(view_of(harbour, "compression", 0)) < 0.8 * bytes_at_90(harbour)


@pytest.mark.parametrize("seed", range(12))
def test_clutter_covers_a_tenth_to_a_fifth(grey: Image.Image, seed: int) -> None:
    covered = np.any(np.asarray(view_of(grey, "clutter", seed)) != 128, axis=2).mean()
    assert 0.1 <= covered <= 0.2


def test_an_unknown_name_is_answered_with_the_known_ones(harbour: Image.Image) -> None:
    with pytest.raises(ValueError, match=r"'atlantis'.*harbour"):
        draw_scene("atlantis")
    with pytest.raises(ValueError, match=r"'sideways'.*clutter"):
        view_of(harbour, "sideways", 0)


def test_the_gallery_is_saved_in_order_and_the_same_each_time(
    gallery: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "new" / "folder"
    paths = save_gallery(mine)
    assert paths == [mine / scene / f"{view}.jpg" for scene in SCENES for view in VIEWS]
    contents = [path.read_bytes() for path in paths]
    assert contents == [(gallery / path.relative_to(mine)).read_bytes() for path in paths]
    assert len(set(contents)) == len(contents)
    assert all(content.startswith(b"\xff\xd8\xff") for content in contents), "JPEG"
