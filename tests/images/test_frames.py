"""An animation, or a file of several pages, is shown by its first frame that is not blank."""

from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from numpy.testing import assert_array_equal
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.images.encode import encoded

from imagefinder.images.decode import decode, load_image
from imagefinder.images.frames import has_frames
from imagefinder.images.limits import Limits
from imagefinder.images.thumbnails import thumbnail
from imagefinder.types import Image, Resize

Frames = list[PIL.Image.Image]
SIZE = (120, 90)
KINDS = ["GIF", "PNG", "WEBP", "TIFF", "AVIF"]
BLACK, WHITE = PIL.Image.new("RGB", SIZE, "black"), PIL.Image.new("RGB", SIZE, "white")


@pytest.fixture(scope="module")
def scene(photograph: PIL.Image.Image) -> PIL.Image.Image:
    return photograph.resize(SIZE)


def animation(kind: str, frames: Frames, **options: Any) -> bytes:
    if kind == "WEBP":
        options = {"lossless": True, **options}
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def difference(one: Image, other: PIL.Image.Image) -> float:
    return float(np.abs(one.astype(int) - np.asarray(other.convert("RGB"))).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blank", [[BLACK], [WHITE], [BLACK, WHITE, BLACK]])
def test_blank_frames_at_the_beginning_are_passed_over(
    kind: str, blank: Frames, scene: PIL.Image.Image
) -> None:
    later = scene.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
    shown = load_image(animation(kind, [*blank, scene, later]))
    assert difference(shown, scene) < 12
    assert difference(shown, later) > 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_frame_that_shows_something_is_kept(kind: str, scene: PIL.Image.Image) -> None:
    faint = PIL.Image.blend(WHITE, scene, 0.35)
    assert difference(load_image(animation(kind, [faint, scene])), faint) < 12


@pytest.mark.parametrize("start", [0, 1])
def test_a_fade_in_is_shown_once_it_can_be_seen(start: int, scene: PIL.Image.Image) -> None:
    frames = [PIL.Image.blend(BLACK, scene, step / 10) for step in range(start, 11)]
    assert load_image(animation("PNG", frames)).std() > 25


def test_if_nothing_shows_much_it_is_the_frame_that_shows_most(scene: PIL.Image.Image) -> None:
    faint = [PIL.Image.blend(BLACK, scene, share) for share in (0, 0.2, 0.3, 0.25)]
    assert_array_equal(load_image(animation("PNG", faint)), np.asarray(faint[2]))


def test_if_all_is_blank_it_is_the_first_frame() -> None:
    gray = PIL.Image.new("RGB", SIZE, "gray")
    assert (load_image(animation("PNG", [gray, BLACK, WHITE])) == 128).all()


def test_a_default_image_that_is_blank_is_passed_over(scene: PIL.Image.Image) -> None:
    gray = PIL.Image.new("RGB", SIZE, "gray")
    data = animation("PNG", [gray, scene], default_image=True)
    assert_array_equal(load_image(data), np.asarray(scene))


@pytest.mark.parametrize("disposal", [1, 2, 3])
def test_frames_of_a_gif_may_be_transparent(disposal: int, scene: PIL.Image.Image) -> None:
    clear = PIL.Image.new("RGBA", SIZE, (0, 0, 0, 0))
    data = animation("GIF", [clear, scene.convert("RGBA")], disposal=disposal)
    assert difference(load_image(data), scene) < 12


def test_pages_may_differ_in_size(scene: PIL.Image.Image) -> None:
    large = scene.resize((300, 500))
    data = animation("TIFF", [WHITE, large])
    decoded = decode(data, Resize(30, 50))
    assert (decoded.width, decoded.height) == (300, 500)
    assert difference(decoded.pixels, scene.resize((30, 50))) < 12


def test_a_page_that_is_too_large_is_not_decoded(scene: PIL.Image.Image) -> None:
    data = animation("TIFF", [WHITE, scene.resize((600, 500))])
    assert (load_image(data, Limits(max_pixels=120 * 90)) == 255).all()


def test_a_thumbnail_or_mask_among_pages_is_passed_over(scene: PIL.Image.Image) -> None:
    mask = PIL.Image.new("RGB", SIZE)
    PIL.ImageDraw.Draw(mask).rectangle((20, 20, 60, 60), fill="white")
    tags = ImageFileDirectory_v2()
    tags[254] = 4
    mask.encoderinfo = {"tiffinfo": tags}
    data = animation("TIFF", [WHITE, mask, scene])
    assert difference(load_image(data), scene) < 1


def test_only_so_many_frames_are_looked_at(scene: PIL.Image.Image) -> None:
    pages = [PIL.Image.new("RGB", (8, 8), (n, n, n)) for n in range(20)]
    assert (load_image(animation("TIFF", [*pages, scene])) == 0).all()


def test_frames_after_a_damaged_one_are_not_looked_at(scene: PIL.Image.Image) -> None:
    data = animation("GIF", [BLACK, scene])
    assert load_image(data[: len(data) - 2000]).max() == 0


def test_a_still_has_no_frames(scene: PIL.Image.Image) -> None:
    for kind in ("PNG", "GIF", "TIFF", "WEBP", "JPEG"):
        with PIL.Image.open(BytesIO(encoded(scene, kind))) as image:
            assert not has_frames(image)


def test_a_thumbnail_shows_the_same_frame(scene: PIL.Image.Image, tmp_path: Any) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(animation("GIF", [BLACK, scene]))
    assert load_image(thumbnail(str(path), 60).jpeg).std() > 25
