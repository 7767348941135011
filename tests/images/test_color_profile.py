"""Colors of other spaces are shown as they are meant: as sRGB."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo
from tests.images.encode import encoded

from imagefinder.images import color_profile
from imagefinder.images.decode import decode, load_image
from imagefinder.types import Resize

IN = {
    "Adobe RGB": "grocery",
    "Display P3": "odd/sharp/p3.png",
    "ProPhoto": "odd/sharp/prophoto.png",
    "SWOP": "odd/sharp/Channel_digital_image_CMYK_color.jpg",
    "gray": "odd/sharp/concert.jpg",
}
WIDE = ["Adobe RGB", "Display P3", "ProPhoto"]


def profile(name: str, assets: Path) -> bytes:
    where = assets / "data" / IN[name]
    paths = sorted(where.rglob("*_Iconic.jpg")) if where.is_dir() else [where]
    for path in paths:
        with PIL.Image.open(path) as image:
            data: bytes = image.info.get("icc_profile", b"")
            if b"Adobe RGB" in data or len(paths) == 1:
                return data
    raise LookupError(name)


def muted(photograph: PIL.Image.Image) -> PIL.Image.Image:
    """Colors that every space can hold, without the details that JPEG loses."""
    small = photograph.resize((40, 30))
    return PIL.Image.blend(small, PIL.Image.new("RGB", small.size, "gray"), 0.25).resize((160, 120))


def in_space(image: PIL.Image.Image, data: bytes, mode: str = "RGB") -> PIL.Image.Image:
    there = ImageCms.profileToProfile(
        image,
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(BytesIO(data)),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        mode,
    )
    assert there is not None
    there.info.clear()  # not even the profile
    return there


def difference(data: bytes, image: PIL.Image.Image) -> float:
    return float(np.abs(load_image(data).astype(int) - np.asarray(image)).mean())


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_colors_of_a_wide_space_come_back(
    name: str, kind: str, photograph: PIL.Image.Image, assets: Path
) -> None:
    image, data = muted(photograph), profile(name, assets)
    there = in_space(image, data)
    options = {"quality": 95} if kind not in ("PNG", "TIFF") else {}
    converted = difference(encoded(there, kind, icc_profile=data, **options), image)
    assert converted < 2
    assert difference(encoded(there, kind, **options), image) > 1.4 * converted


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_come_back_as_the_colors_that_they_print(
    kind: str, photograph: PIL.Image.Image, assets: Path
) -> None:
    image, data = muted(photograph), profile("SWOP", assets)
    inks = in_space(image, data, "CMYK")
    options = {"quality": 95} if kind == "JPEG" else {}
    converted = difference(encoded(inks, kind, icc_profile=data, **options), image)
    assert converted < 10
    assert difference(encoded(inks, kind, **options), image) > 1.4 * converted


def test_converting_after_resizing_makes_no_difference(
    photograph: PIL.Image.Image, assets: Path
) -> None:
    data = profile("Adobe RGB", assets)
    file = encoded(photograph, "PNG", icc_profile=data)
    small = decode(file, Resize(64, 48)).pixels
    converted = PIL.Image.fromarray(load_image(file)).resize(
        (64, 48), PIL.Image.Resampling.BILINEAR
    )
    assert np.abs(small.astype(int) - np.asarray(converted)).mean() < 1


def test_an_srgb_profile_changes_nothing(photograph: PIL.Image.Image) -> None:
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_array_equal(load_image(encoded(photograph, "PNG", icc_profile=data)), photograph)
    photograph.info["icc_profile"] = data
    assert color_profile.srgb_conversion(photograph) is None
    del photograph.info["icc_profile"]


def test_a_profile_with_alpha_and_with_a_palette(photograph: PIL.Image.Image, assets: Path) -> None:
    image, data = muted(photograph), profile("Adobe RGB", assets)
    there = in_space(image, data)
    alpha = there.copy()
    alpha.putalpha(255)
    assert difference(encoded(alpha, "PNG", icc_profile=data), image) < 3
    assert difference(encoded(there.quantize(256), "PNG", icc_profile=data), image) < 5


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_gray_images_may_have_a_gray_profile_or_one_of_colors(mode: str, assets: Path) -> None:
    ramp = PIL.Image.linear_gradient("L")
    gray = PIL.Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257) if "I" in mode else ramp
    image = gray.convert(mode)
    for name in ("gray", "Display P3"):
        plain = load_image(encoded(image, "PNG"))
        shown = load_image(encoded(image, "PNG", icc_profile=profile(name, assets)))
        assert np.abs(shown.astype(int) - plain).max() < 12  # their curves are nearly that of sRGB


UNUSABLE = [b"", b"x", b"not a profile" * 100, bytes(5000), b"acsp" * 2**18]


@pytest.mark.parametrize("number", range(len(UNUSABLE)))
def test_a_profile_that_is_none_is_ignored(number: int, photograph: PIL.Image.Image) -> None:
    data = encoded(photograph, "TIFF", icc_profile=UNUSABLE[number])
    assert_array_equal(load_image(data), photograph)


def test_damaged_profiles_cost_no_image(photograph: PIL.Image.Image, assets: Path) -> None:
    rng = np.random.default_rng(0)
    small = photograph.resize((16, 12))
    good = profile("Display P3", assets)
    for _ in range(40):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), 6):
            damaged[place] = rng.integers(0, 256)
        shown = load_image(encoded(small, "TIFF", icc_profile=bytes(damaged)))
        assert shown.shape == (12, 16, 3)


def test_a_huge_profile_is_not_even_read(
    photograph: PIL.Image.Image, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(color_profile, "_built", None)
    huge = profile("Display P3", assets).ljust(5 * 2**20, b"\0")
    assert_array_equal(load_image(encoded(photograph, "TIFF", icc_profile=huge)), photograph)


def test_a_profile_of_another_kind_of_color_is_ignored(
    photograph: PIL.Image.Image, assets: Path
) -> None:
    for name in ("SWOP", "gray"):
        data = encoded(photograph, "TIFF", icc_profile=profile(name, assets))
        assert_array_equal(load_image(data), photograph)
    inks = photograph.convert("CMYK")
    data = encoded(inks, "TIFF", icc_profile=profile("Adobe RGB", assets))
    assert_array_equal(load_image(data), inks.convert("RGB"))


def test_a_profile_is_prepared_once(
    photograph: PIL.Image.Image, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(color_profile, "_conversions", {})
    data = encoded(photograph, "PNG", icc_profile=profile("Adobe RGB", assets))
    first = load_image(data)
    monkeypatch.setattr(color_profile, "_built", None)
    with ThreadPoolExecutor(4) as threads:
        for again in threads.map(load_image, [data] * 8):
            assert_array_equal(again, first)


def with_gamma(image: PIL.Image.Image, gamma: float, srgb: bool = False) -> bytes:
    info = PngInfo()
    info.add(b"gAMA", round(gamma * 100_000).to_bytes(4, "big"))
    if srgb:
        info.add(b"sRGB", b"\0")
    return encoded(image, "PNG", pnginfo=info)


def test_a_png_may_declare_its_gamma(photograph: PIL.Image.Image) -> None:
    pixels = np.asarray(photograph) / 255
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    stored = PIL.Image.fromarray((linear * 255).round().astype(np.uint8))
    assert difference(with_gamma(stored, 1.0), photograph) < 4
    assert_array_equal(load_image(with_gamma(stored, 1.0, srgb=True)), stored)


@pytest.mark.parametrize("gamma", [0.0, 0.45455, 0.46, 5.0, 20_000.0])
def test_a_usual_or_impossible_gamma_changes_nothing(
    gamma: float, photograph: PIL.Image.Image
) -> None:
    assert_array_equal(load_image(with_gamma(photograph, gamma)), photograph)


def plain(data: bytes, side: int) -> np.ndarray[Any, Any]:
    """What Pillow alone makes of an ordinary image."""
    with PIL.Image.open(BytesIO(data)) as image:
        image.draft("", (2 * side, 2 * side))
        return np.asarray(image.convert("RGB").resize((side, side), PIL.Image.Resampling.BILINEAR))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_ordinary_photographs_are_what_pillow_makes_of_them(kind: str, assets: Path) -> None:
    paths = sorted((assets / "data/grocery/test").rglob("*.jpg"))[::97]
    for path in paths:
        data = path.read_bytes()
        if kind == "PNG":
            with PIL.Image.open(path) as image:
                data = encoded(image.convert("RGB"), "PNG", icc_profile=None)
        pixels = decode(data, Resize(128, 128)).pixels
        assert_allclose(pixels.astype(int), plain(data, 128), atol=1)
