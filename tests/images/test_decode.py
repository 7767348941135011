"""Whatever kind an image is of, it comes out as upright RGB pixels, or as one kind of error."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.images.encode import encoded

from imagefinder.errors import ImageError, ImageTooLarge, UnreadableImage
from imagefinder.images.decode import decode, load_image
from imagefinder.images.formats import SUFFIXES, probe
from imagefinder.images.limits import Limits
from imagefinder.types import Image, Resize

Draw = Callable[..., Image]
Turn = PIL.Image.Transpose

LOSSLESS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("BMP", {}),
    ("DIB", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {"lossless": True}),
]
NEARLY: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {"quality": 95, "subsampling": 0}),
    ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}),
    ("WEBP", {"quality": 95}),
    ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
    ("HEIF", {"quality": 95}),
]
# how an upright image is turned to be stored under each orientation
STORED = {
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_90,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_270,
}
WITH_EXIF = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"]


def one_colour(mode: str, colour: Any) -> PIL.Image.Image:
    return PIL.Image.new(mode, (8, 6), colour)


def difference(one: Image, other: Image) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def turned(upright: Image, orientation: int, kind: str) -> bytes:
    """A file that shows the image upright only when its orientation is obeyed."""
    image = PIL.Image.fromarray(upright)
    if orientation in STORED:
        image = image.transpose(STORED[orientation])
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif.tobytes(), quality=95)


# every kind that is accepted


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_a_lossless_image_comes_back_as_it_was(
    kind: str, options: dict[str, Any], draw: Draw
) -> None:
    pixels = draw(1)
    assert_array_equal(load_image(encoded(PIL.Image.fromarray(pixels), kind, **options)), pixels)


@pytest.mark.parametrize(("kind", "options"), NEARLY)
def test_a_lossy_image_comes_back_nearly_as_it_was(
    kind: str, options: dict[str, Any], draw: Draw
) -> None:
    pixels = draw(1)
    loaded = load_image(encoded(PIL.Image.fromarray(pixels), kind, **options))
    assert difference(loaded, pixels) < 3


def test_a_gif_comes_back_in_its_own_colours(draw: Draw) -> None:
    image = PIL.Image.fromarray(draw(1)).quantize(64)
    loaded = load_image(encoded(image, "GIF"))
    assert_array_equal(loaded, np.asarray(image.convert("RGB")))


def test_the_result_is_three_channels_of_bytes(image_file: Path) -> None:
    pixels = load_image(image_file)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (90, 120, 3)


def test_an_image_is_the_same_from_a_path_a_string_bytes_and_a_file(image_file: Path) -> None:
    pixels = load_image(image_file)
    assert_array_equal(load_image(str(image_file)), pixels)
    assert_array_equal(load_image(image_file.read_bytes()), pixels)
    with image_file.open("rb") as file:
        assert_array_equal(load_image(file), pixels)


def test_the_kind_is_told_from_the_content_not_from_the_name(image_file: Path) -> None:
    misnamed = image_file.rename(image_file.with_suffix(".jpg"))
    assert load_image(misnamed).shape == (90, 120, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    red, blue = one_colour("RGB", "red"), one_colour("RGB", "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    animation = encoded(red, kind, save_all=True, append_images=[blue], **options)
    assert (load_image(animation) == (255, 0, 0)).all()


# orientation


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(kind: str, orientation: int, draw: Draw) -> None:
    upright = draw(2)
    decoded = decode(turned(upright, orientation, kind))
    assert difference(decoded.pixels, upright) < 6
    assert (decoded.width, decoded.height) == (120, 90)


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "resize", [Resize(64, 32), Resize(32, 64), Resize(40, 20, "crop", keep=0.8)]
)
def test_every_orientation_is_upright_in_any_fit(
    kind: str, orientation: int, resize: Resize, draw: Draw
) -> None:
    upright = draw(2)
    decoded = decode(turned(upright, orientation, kind), resize)
    assert difference(decoded.pixels, decode(upright, resize).pixels) < 6
    assert (decoded.width, decoded.height) == (120, 90)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_that_pillow_has_only_opened_comes_out_upright(
    kind: str, orientation: int, draw: Draw
) -> None:
    upright = draw(2)
    with PIL.Image.open(BytesIO(turned(upright, orientation, kind))) as opened:
        decoded = decode(opened)
    assert difference(decoded.pixels, upright) < 6
    assert (decoded.width, decoded.height) == (120, 90)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of it
def test_damaged_exif_does_not_cost_the_image(draw: Draw) -> None:
    data = encoded(PIL.Image.fromarray(draw(2)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert load_image(data).shape == (90, 120, 3)


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_there_is_not_changes_nothing(orientation: int, draw: Draw) -> None:
    assert difference(load_image(turned(draw(2), orientation, "JPEG")), draw(2)) < 6


@pytest.mark.parametrize("scene", ["Landscape", "Portrait"])
def test_photographs_in_all_orientations_look_the_same(scene: str, assets: Path) -> None:
    resize = Resize(60, 40) if scene == "Landscape" else Resize(40, 60)
    plain = decode(assets / f"data/exif/{scene}_1.jpg", resize)
    for path in sorted((assets / "data/exif").glob(f"{scene}_*.jpg")):
        decoded = decode(path, resize)
        assert difference(decoded.pixels, plain.pixels) < 4, path.name
        assert (decoded.width, decoded.height) == (plain.width, plain.height), path.name


# modes


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), (255, 0, 0)),
        ("RGBA", (255, 0, 0, 128), (255, 127, 127)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (0, 128), (127, 127, 127)),
        ("LA", (40, 255), (40, 40, 40)),
    ],
)
def test_alpha_is_laid_on_white(mode: str, colour: Any, seen: tuple[int, ...]) -> None:
    for image in (one_colour(mode, colour), encoded(one_colour(mode, colour), "PNG")):
        assert_allclose(load_image(image)[0, 0].astype(int), seen, atol=1)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF", "TIFF"])
def test_other_kinds_with_alpha_are_laid_on_white_too(kind: str) -> None:
    clear = PIL.Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert (load_image(encoded(clear, kind)) == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_entry_of_a_palette_becomes_white(kind: str) -> None:
    row = np.array([[(10, 20, 30), (40, 50, 60)]], np.uint8)
    image = PIL.Image.fromarray(row).quantize(2)
    data = encoded(image, kind, transparency=image.getpixel((0, 0)))
    assert_array_equal(load_image(data)[0], [(255, 255, 255), (40, 50, 60)])


def test_a_palette_with_several_alphas_is_laid_on_white() -> None:
    row = np.array([[(0, 0, 0), (40, 50, 60)]], np.uint8)
    image = PIL.Image.fromarray(row).quantize(2)
    alphas = [128 if image.getpixel((0, 0)) == entry else 255 for entry in range(2)]
    loaded = load_image(encoded(image, "PNG", transparency=bytes(alphas)))
    assert_allclose(loaded[0].astype(int), [(127, 127, 127), (40, 50, 60)], atol=1)


def test_a_colour_that_a_png_declares_transparent_becomes_white() -> None:
    row = np.array([[(10, 20, 30), (40, 50, 60)]], np.uint8)
    data = encoded(PIL.Image.fromarray(row), "PNG", transparency=(10, 20, 30))
    assert_array_equal(load_image(data)[0], [(255, 255, 255), (40, 50, 60)])


def test_a_sixteen_bit_level_declared_transparent_becomes_white_and_no_other() -> None:
    levels = (np.array([0, 1, 2, 3, 4, 255], np.uint16) * 257)[None]
    data = encoded(PIL.Image.fromarray(levels), "PNG", transparency=3 * 257)
    assert load_image(data)[0, :, 0].tolist() == [0, 1, 2, 255, 4, 255]


def test_cmyk_becomes_rgb() -> None:
    cyan = one_colour("CMYK", (255, 0, 0, 0))
    assert_array_equal(load_image(encoded(cyan, "TIFF"))[0, 0], (0, 255, 255))
    in_jpeg = load_image(encoded(cyan, "JPEG", quality=100))[0, 0]
    assert_allclose(in_jpeg.astype(int), (0, 255, 255), atol=2)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_lose_the_lower_eight(kind: str) -> None:
    levels = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    loaded = load_image(encoded(PIL.Image.fromarray(levels), kind))
    for channel in range(3):
        assert_array_equal(loaded[..., channel].ravel(), np.arange(256))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(kind: str) -> None:
    bits = np.eye(8, dtype=np.uint8) * 255
    loaded = load_image(encoded(PIL.Image.fromarray(bits).convert("1"), kind))
    assert_array_equal(loaded[..., 1], bits)


@pytest.mark.parametrize("highest", [1.0, 255.0])
def test_floats_up_to_1_or_to_255_become_bytes(highest: float) -> None:
    ramp = np.linspace(0, highest, 256, dtype=np.float32).reshape(16, 16)
    loaded = load_image(encoded(PIL.Image.fromarray(ramp), "TIFF"))
    assert_allclose(loaded[..., 0].ravel().astype(int), np.arange(256), atol=1)


def test_other_numbers_are_stretched_from_the_lowest_to_the_highest() -> None:
    ramp = np.linspace(-500, 3000, 256, dtype=np.float32).reshape(16, 16)
    loaded = load_image(encoded(PIL.Image.fromarray(ramp), "TIFF"))
    assert_allclose(loaded[..., 0].ravel().astype(int), np.arange(256), atol=1)


@pytest.mark.parametrize("level", [-5.0, 0.0, 300.0, float("nan"), float("inf")])
def test_an_image_of_one_number_is_one_grey(level: float) -> None:
    flat = np.full((4, 5), level, np.float32)
    loaded = load_image(encoded(PIL.Image.fromarray(flat), "TIFF"))
    assert loaded.shape == (4, 5, 3)
    assert len(np.unique(loaded)) == 1


def test_whole_numbers_up_to_65535_keep_their_level() -> None:
    levels = np.array([[0, 32896, 65534]], np.int32)
    loaded = load_image(encoded(PIL.Image.fromarray(levels), "TIFF"))
    assert_allclose(loaded[0, :, 0].astype(int), [0, 128, 255], atol=1)


@pytest.mark.parametrize(
    ("lab", "seen"),
    [
        ((255, 128, 128), (255, 255, 255)),
        ((0, 128, 128), (0, 0, 0)),
        ((138, 209, 198), (255, 0, 0)),  # L* 54, a* 81, b* 70
    ],
)
def test_lab_becomes_rgb(lab: tuple[int, ...], seen: tuple[int, ...]) -> None:
    loaded = load_image(encoded(one_colour("LAB", lab), "TIFF"))
    assert_allclose(loaded[0, 0].astype(int), seen, atol=6)


@pytest.mark.parametrize("mode", ["L", "YCbCr", "HSV", "RGBX", "RGBa", "La", "PA", "I", "F"])
def test_an_image_in_memory_may_be_of_any_mode(mode: str, draw: Draw) -> None:
    plain = PIL.Image.fromarray(draw(3))
    by_way_of = {"RGBa": "RGBA", "La": "LA"}.get(mode)
    image = (plain.convert(by_way_of) if by_way_of else plain).convert(mode)
    grey = mode in ("L", "La", "I", "F")
    seen = np.asarray(plain.convert("L").convert("RGB") if grey else plain)
    assert difference(load_image(image), seen) < (25 if mode == "PA" else 2)


# sizes


def columns(width: int, height: int) -> Image:
    """An image in which each pixel tells its own column and row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return pixels


def seen_part(resize: Resize, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of what a fit keeps, as the edge pixels tell."""
    pixels = decode(columns(width, height), resize).pixels.astype(float)
    # a pixel stands for its middle: half a step further is the edge
    across = (pixels[0, -1, 0] - pixels[0, 0, 0]) / (resize.width - 1) / 2
    down = (pixels[-1, 0, 1] - pixels[0, 0, 1]) / (resize.height - 1) / 2
    left, right = pixels[0, 0, 0] - across, pixels[0, -1, 0] + across
    top, bottom = pixels[0, 0, 1] - down, pixels[-1, 0, 1] + down
    return left + 0.5, right + 0.5, top + 0.5, bottom + 0.5


@pytest.mark.parametrize(
    ("resize", "size", "part"),
    [
        (Resize(50, 50), (200, 100), (0, 200, 0, 100)),
        (Resize(50, 50, "crop"), (200, 100), (50, 150, 0, 100)),
        (Resize(50, 50, "crop"), (100, 200), (0, 100, 50, 150)),
        (Resize(50, 50, "crop", keep=0.5), (200, 100), (75, 125, 25, 75)),
        (Resize(60, 30, "crop"), (200, 200), (0, 200, 50, 150)),
        (Resize(30, 60, "crop", keep=0.75), (200, 200), (62.5, 137.5, 25, 175)),
    ],
)
def test_a_fit_shows_the_part_that_it_says(
    resize: Resize, size: tuple[int, int], part: tuple[float, ...]
) -> None:
    assert decode(columns(*size), resize).pixels.shape == (resize.height, resize.width, 3)
    assert_allclose(seen_part(resize, *size), part, atol=2)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 99), st.integers(1, 99))
def test_a_crop_of_the_whole_is_never_beyond_the_edge(
    width: int, height: int, across: int, down: int
) -> None:
    blank = PIL.Image.new("L", (width, height))
    assert decode(blank, Resize(across, down, "crop")).pixels.shape == (down, across, 3)


def test_a_crop_is_what_scaling_and_then_cutting_gives(draw: Draw) -> None:
    image = PIL.Image.fromarray(draw(4, 400, 300))
    scaled = image.resize((341, 256), PIL.Image.Resampling.BILINEAR)
    cut = np.asarray(scaled.crop((58, 16, 58 + 224, 16 + 224)))
    cropped = decode(image, Resize(224, 224, "crop", keep=0.875)).pixels
    assert difference(cropped, cut) < 1.5


@pytest.mark.parametrize("size", [(1001, 1000), (1000, 1001), (1000, 1000)])
@pytest.mark.parametrize("turned", [1, 6])
def test_the_size_told_is_right_however_much_the_image_shrinks(
    size: tuple[int, int], turned: int
) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = turned
    file = BytesIO()
    PIL.Image.new("RGB", size, "teal").save(file, "JPEG", exif=exif)
    told = decode(file.getvalue(), Resize(32, 32))
    assert (told.width, told.height) == (size if turned == 1 else size[::-1])


def test_bytes_may_come_in_any_buffer(image_file: Path) -> None:
    data = image_file.read_bytes()
    for buffer in (bytearray(data), memoryview(data)):
        assert_array_equal(load_image(buffer), load_image(data))


def test_the_size_told_is_the_images_own_not_that_of_the_fit(draw: Draw) -> None:
    data = encoded(PIL.Image.fromarray(draw(4, 900, 700)), "JPEG")
    decoded = decode(data, Resize(32, 16))
    assert (decoded.width, decoded.height) == (900, 700)
    assert decoded.pixels.shape == (16, 32, 3)


@pytest.mark.parametrize("how", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(1600, 1200), (1601, 903), (460, 3000)])
def test_shrinking_while_decoding_gives_nearly_the_same_pixels(
    how: Any, size: tuple[int, int], draw: Draw
) -> None:
    data = encoded(PIL.Image.fromarray(draw(5, *size)), "JPEG", quality=92)
    resize = Resize(224, 224, how)
    in_full = decode(load_image(data), resize).pixels
    assert difference(decode(data, resize).pixels, in_full) < 2


# limits


def test_a_huge_jpeg_is_taken_where_it_shrinks_and_a_progressive_one_is_not() -> None:
    huge = PIL.Image.linear_gradient("L").resize((6000, 6000)).convert("RGB")
    small = Limits(max_pixels=1_000_000)
    decoded = decode(encoded(huge, "JPEG"), Resize(224, 224), small)
    assert (decoded.width, decoded.height) == (6000, 6000)
    with pytest.raises(ImageTooLarge, match="6000 × 6000"):
        decode(encoded(huge, "JPEG"), limits=small)
    with pytest.raises(ImageTooLarge, match="6000 × 6000"):
        decode(encoded(huge, "JPEG", progressive=True), Resize(224, 224), small)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_too_many_pixels_are_refused(kind: str, draw: Draw) -> None:
    data = encoded(PIL.Image.fromarray(draw(1)), kind)
    assert load_image(data, Limits(max_pixels=120 * 90)).shape == (90, 120, 3)
    with pytest.raises(ImageTooLarge, match="120 × 90"):
        decode(data, Resize(8, 8), Limits(max_pixels=120 * 90 - 1))


@pytest.mark.parametrize(
    ("kind", "suffix"),
    list(
        zip(
            "JPEG MPO PNG WEBP GIF BMP TIFF AVIF HEIF".split(),
            ".jpg .jpg .png .webp .gif .bmp .tif .avif .heic".split(),
            strict=True,
        )
    ),
)
def test_a_glimpse_tells_kind_and_size(kind: str, suffix: str, draw: Draw) -> None:
    pillow_heif.register_heif_opener()
    file = BytesIO()
    PIL.Image.fromarray(draw(3, 64, 48)).save(file, kind)
    file.seek(0)
    seen = probe(file)
    assert (seen.suffix, seen.width, seen.height) == (suffix, 64, 48)
    assert suffix in SUFFIXES
    with pytest.raises(UnreadableImage):
        probe(BytesIO(b"GIF87 but not really"))


def test_too_many_bytes_are_refused(image_file: Path) -> None:
    size = image_file.stat().st_size
    assert load_image(image_file, Limits(max_bytes=size)).shape == (90, 120, 3)
    with pytest.raises(ImageTooLarge, match="larger than"):
        load_image(image_file, Limits(max_bytes=size - 1))
    with image_file.open("rb") as file, pytest.raises(ImageTooLarge, match="larger than"):
        load_image(file, Limits(max_bytes=size - 1))


# what cannot be used


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UnreadableImage, match="empty"):
        load_image(tmp_path / "empty.jpg")
    with pytest.raises(UnreadableImage, match="empty"):
        load_image(b"")


def test_garbage_is_refused() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        with pytest.raises(UnreadableImage, match="not an image in a supported format"):
            load_image(rng.bytes(2000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage
def test_damaged_bytes_give_pixels_or_an_image_error(kind: str, draw: Draw) -> None:
    rng = np.random.default_rng(0)
    data = encoded(PIL.Image.fromarray(draw(6)), kind)
    small = Limits(max_pixels=1_000_000)
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, min(len(data), 600), 4):
            damaged[place] = rng.integers(0, 256)
        try:
            pixels = load_image(bytes(damaged), small)
        except ImageError:
            continue
        assert pixels.ndim == 3


OTHER_KINDS = {
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    "PSD": b"8BPS" + bytes([0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0, 3]),
    "text": b"not an image at all",
}


@pytest.mark.parametrize("kind", ["EPS", "ICNS", "ICO", "PPM", "TGA", "PDF", "SVG", "PSD", "text"])
def test_other_kinds_are_refused_even_if_pillow_knows_them(kind: str, draw: Draw) -> None:
    PIL.Image.init()
    data = OTHER_KINDS.get(kind) or encoded(PIL.Image.fromarray(draw(1)), kind)
    with pytest.raises(UnreadableImage, match="not an image in a supported format"):
        load_image(data)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no such file"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(UnreadableImage, match="is a folder"):
        load_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImage, match="not a regular file"):
        load_image(tmp_path / "pipe.jpg")


@pytest.mark.parametrize("name", ["a\0b.png", "a" * 5000, "\ud800.png"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UnreadableImage, match="cannot be read"):
        load_image(name)


def test_a_file_that_may_not_be_read_is_refused(
    image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", "/secret/a.jpg")

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(UnreadableImage, match="Permission denied") as refusal:
        load_image(image_file)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("source", [None, 5, ["a.jpg"], object()])
def test_what_is_no_image_at_all_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match="expected a path, bytes, file, PIL image or array"):
        load_image(source)


# arrays, and images in memory


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (1, 1, 3)])
def test_an_array_of_bytes_is_an_image(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    seen = array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2)
    assert_array_equal(load_image(array), seen)


def test_an_array_may_lie_in_memory_in_any_way(draw: Draw) -> None:
    pixels = draw(1)
    for view in (pixels[::2, ::-3], pixels[..., ::-1], np.asfortranarray(pixels)):
        assert_array_equal(load_image(view), view)


def test_an_array_with_alpha_is_laid_on_white() -> None:
    array = np.zeros((4, 5, 4), np.uint8)
    assert (load_image(array) == 255).all()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((4, 5, 3), np.float32),
        ((4, 5, 3), np.uint16),
        ((4, 5, 3), np.bool_),
        ((4, 5), object),
        ((4, 5, 1), np.uint8),
        ((4, 5, 2), np.uint8),
        ((3, 4, 5), np.uint8),
        ((2, 4, 5, 3), np.uint8),
        ((0, 5, 3), np.uint8),
        ((4, 0), np.uint8),
        ((5,), np.uint8),
        ((), np.uint8),
    ],
)
def test_any_other_array_is_refused(shape: tuple[int, ...], dtype: Any) -> None:
    with pytest.raises(UnreadableImage, match="an array must be uint8 of shape"):
        load_image(np.zeros(shape, dtype))


def test_an_image_opened_from_a_truncated_file_is_refused(draw: Draw) -> None:
    data = encoded(PIL.Image.fromarray(draw(1)), "PNG")
    opened = PIL.Image.open(BytesIO(data[: len(data) // 2]))
    with opened, pytest.raises(UnreadableImage, match="truncated"):
        load_image(opened)


def test_a_closed_image_is_refused(image_file: Path) -> None:
    image = PIL.Image.open(image_file)
    image.close()
    with pytest.raises(UnreadableImage):
        load_image(image)


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="no pixels"):
        load_image(PIL.Image.new("RGB", (0, 5)))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage
def test_every_odd_file_decodes_or_raises_an_image_error(assets: Path) -> None:
    decoded = 0
    for path in sorted((assets / "data/odd").rglob("*")):
        for resize in (None, Resize(64, 48)):
            try:
                pixels = decode(path, resize).pixels
            except ImageError as error:
                assert str(error), path.name
                assert "\n" not in str(error), path.name
                continue
            decoded += 1
            assert pixels.dtype == np.uint8, path.name
            assert pixels.ndim == 3, path.name
            assert pixels.shape[2] == 3, path.name
    assert decoded > 600
