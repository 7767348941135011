"""Resampling gives what Pillow's does, within a few levels, and is Pillow's where it must be."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from imagefinder.encoders.compact import Compact
from imagefinder.images import resampling
from imagefinder.images.decode import decode
from imagefinder.images.resampling import reduced, resampled
from imagefinder.types import Resize

from ..conftest import drawn

SIDES = st.integers(1, 90)
PILLOWS = {"bilinear": PIL.Image.Resampling.BILINEAR, "bicubic": PIL.Image.Resampling.BICUBIC}


def noise(width: int, height: int, seed: int = 0) -> PIL.Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return PIL.Image.fromarray(levels)


def values(image: PIL.Image.Image) -> NDArray[np.int_]:
    return np.asarray(image).astype(int)


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    resampling._library.cache_clear()
    monkeypatch.setattr("PIL.__version__", "99.0")
    yield
    resampling._library.cache_clear()


@given(SIDES, SIDES, SIDES, SIDES, st.booleans())
def test_bilinear_differs_by_one_level_at_most(
    width: int, height: int, to_width: int, to_height: int, cropped: bool
) -> None:
    image, size = noise(width, height), (to_width, to_height)
    box = (width * 0.13, height * 0.2, width * 0.9, height * 0.77) if cropped else None
    found = resampled(image, size, "bilinear", box)
    assert_allclose(values(found), values(image.resize(size, PILLOWS["bilinear"], box)), atol=1)


@given(SIDES, SIDES, SIDES, SIDES)
def test_bicubic_differs_little(width: int, height: int, to_width: int, to_height: int) -> None:
    smooth = noise(8, 8).resize((width, height), PILLOWS["bicubic"])
    size = to_width, to_height
    expected = values(smooth.resize(size, PILLOWS["bicubic"]))
    assert_allclose(values(resampled(smooth, size, "bicubic")), expected, atol=8)


@given(st.integers(1, 400), st.integers(1, 400))
def test_reducing_by_whole_factors_first_is_pillows(width: int, height: int) -> None:
    image = noise(width, height)
    expected = image.resize((32, 20), PILLOWS["bilinear"], reducing_gap=1.5)
    assert_allclose(values(reduced(image, (32, 20), "bilinear", 1.5)), values(expected), atol=1)


@pytest.mark.parametrize("filter_", ["box", "hamming", "lanczos"])
@pytest.mark.parametrize("mode", ["RGB", "L", "F", "I", "CMYK"])
def test_other_filters_and_modes_are_pillows_to_the_bit(filter_: str, mode: str) -> None:
    image = noise(50, 40).convert("L" if mode in "IF" else "RGB").convert(mode)
    expected = image.resize((20, 30), PIL.Image.Resampling[filter_.upper()])
    assert_array_equal(values(resampled(image, (20, 30), filter_)), values(expected))


@pytest.mark.usefixtures("without_library")
def test_beside_an_unknown_version_of_pillow_it_resizes_itself() -> None:
    image = noise(50, 40)
    expected = image.resize((20, 30), PILLOWS["bilinear"])
    assert_array_equal(values(resampled(image, (20, 30), "bilinear")), values(expected))


def test_the_library_is_used_where_it_is_installed() -> None:
    pytest.importorskip("cykooz_resizer")
    assert resampling._library() is not None


def test_many_threads_get_what_one_gets() -> None:
    images = [noise(200 + seed, 150, seed) for seed in range(40)]
    expected = [values(resampled(image, (64, 48), "bilinear")) for image in images]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda one: resampled(one, (64, 48), "bilinear"), images))
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(values(one), other)


@pytest.mark.parametrize("resize", [Compact.resize, Resize(208, 208, "crop", 0.875, "bicubic")])
def test_embeddings_agree(resize: Resize) -> None:
    images = [PIL.Image.fromarray(drawn(seed, 460, 350)) for seed in range(6)]
    pixels = [decode(image, resize).pixels for image in images]
    box = None if resize.mode == "stretch" else (76.875, 21.875, 383.125, 328.125)
    filter_ = PILLOWS[resize.filter if resize.filter == "bicubic" else "bilinear"]
    plain = [np.asarray(image.resize((208, 208), filter_, box)) for image in images]
    one, other = (np.concatenate(Compact(precision="f32").encode(some)) for some in (pixels, plain))
    assert (one * other).sum(axis=1).min() >= 0.999
