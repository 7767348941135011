"""The encoder without weights: where its numbers lie, and what it finds alike."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from imagefinder.encoders.classic import Classic
from imagefinder.images.decode import Source, decode
from imagefinder.types import Image

EDGES = 8 * (1 + 4 + 16)
COLOURS = 6**3 * (1 + 4)


def row(source: Source) -> NDArray[np.float32]:
    encoder = Classic()
    (features,) = encoder.encode([decode(source, encoder.resize).pixels])
    return np.asarray(features[0])


def likeness(one: Source, other: Source) -> float:
    return float(row(one) @ row(other))


def jpeg(pixels: Image) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(pixels).save(file, "JPEG", quality=50)
    return file.getvalue()


def plain(*colour: int) -> Image:
    return np.full((128, 128, 3), colour, np.uint8)


def stripes(angle: float) -> Image:
    """Soft stripes that run at an angle: 0 is level, 90 upright."""
    down, across = np.mgrid[:128, :128]
    turn = np.deg2rad(angle)
    wave = np.sin((down * np.cos(turn) + across * np.sin(turn)) / 4)
    return np.repeat((127 + 120 * wave).astype(np.uint8)[..., None], 3, axis=2)


def test_a_row_is_of_unit_length_and_has_edges_and_then_colours(
    draw: Callable[..., Image],
) -> None:
    features = row(draw(1))
    assert features.shape == (EDGES + COLOURS,) == (Classic.dim,)
    assert_allclose(np.linalg.norm(features), 1, rtol=1e-6)
    assert_allclose(np.linalg.norm(features[:EDGES]) ** 2, 0.5, rtol=1e-5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_has_colours_but_no_edges(level: int) -> None:
    features = row(plain(level, level, level))
    assert np.isfinite(features).all()
    assert not features[:EDGES].any()
    assert_allclose(np.linalg.norm(features), 1, rtol=1e-6)


@pytest.mark.parametrize(("angle", "bin_"), [(90, 0), (45, 2), (0, 4), (-45, 6)])
def test_stripes_that_run_one_way_lie_in_one_bin(angle: float, bin_: int) -> None:
    shares = row(stripes(angle))[:8] ** 2
    assert shares.argmax() == bin_
    assert shares[bin_] / shares.sum() > 0.9


def test_level_stripes_have_nothing_but_the_level_bin_in_any_cell() -> None:
    cells = row(stripes(0))[:EDGES].reshape(-1, 8)
    assert (cells[:, 4] > 0).all()
    assert not np.delete(cells, 4, axis=1).any()


def test_which_way_an_edge_is_crossed_does_not_matter() -> None:
    one = plain(0, 0, 0)
    one[64:] = 255
    assert_allclose(row(one)[:EDGES], row(255 - one)[:EDGES], atol=1e-6)


def test_black_white_and_red_lie_in_the_corners_of_the_colours() -> None:
    whole = slice(EDGES, EDGES + 6**3)
    for colour, place in [((0, 0, 0), 0), ((255, 255, 255), 6**3 - 1), ((255, 0, 0), 5 * 36)]:
        assert np.flatnonzero(row(plain(*colour))[whole]).tolist() == [place]


def test_a_colour_between_two_levels_is_shared_by_them() -> None:
    between = row(plain(51 + 17, 0, 0))[EDGES : EDGES + 6**3] ** 2
    found = np.flatnonzero(between)
    assert found.tolist() == [36, 72]
    assert_allclose(between[found] / between.sum(), [2 / 3, 1 / 3], atol=1e-4)


def test_colours_that_differ_a_little_are_alike() -> None:
    assert likeness(plain(100, 100, 100), plain(104, 104, 104)) > 0.8
    assert likeness(plain(100, 100, 100), plain(220, 40, 40)) < 0.1


def test_a_jpeg_copy_is_nearer_than_a_mirror_image_and_that_than_another_image(
    draw: Callable[..., Image],
) -> None:
    for seed in range(10):
        image, other = draw(seed, 240, 180), draw(seed + 100, 240, 180)
        copy, mirrored = likeness(image, jpeg(image)), likeness(image, image[:, ::-1])
        assert copy > 0.97
        assert copy > mirrored > likeness(image, other)
