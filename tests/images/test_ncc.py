import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest

from imagefinder.images.ncc import NCC_THRESHOLD, are_copies, max_ncc
from imagefinder.images.signature import ncc_signature
from imagefinder.images.transforms import COPIES
from imagefinder.testing.gallery import draw_scene

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")


def image(number: int) -> PIL.Image.Image:
    return draw_scene(SCENES[number])


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_image(name: str) -> None:
    for number in (0, 1):
        one, copy = ncc_signature(image(number)), ncc_signature(COPIES[name](image(number)))
        assert max_ncc(one, [copy])[0] >= NCC_THRESHOLD
        assert max_ncc(copy, [one])[0] >= NCC_THRESHOLD


def test_other_images_are_not() -> None:
    signatures = [ncc_signature(image(number)) for number in range(4)]
    for number, one in enumerate(signatures):
        found = max_ncc(one, signatures)
        assert found[number] > 0.95
        assert (np.delete(found, number) < NCC_THRESHOLD).all()


def test_blank_images_tell_nothing() -> None:
    grey, white = (ncc_signature(np.full((50, 70, 3), level, np.uint8)) for level in (128, 255))
    assert (max_ncc(grey, [grey, white, ncc_signature(image(0))]) < NCC_THRESHOLD).all()


def test_a_plain_frame_does_not_count() -> None:
    scene = np.asarray(image(2))
    framed = np.full((scene.shape[0] * 2, scene.shape[1] + 200, 3), 250, np.uint8)
    framed[50 : 50 + scene.shape[0], 150 : 150 + scene.shape[1]] = scene
    assert max_ncc(ncc_signature(framed), [ncc_signature(scene)])[0] >= NCC_THRESHOLD


def test_nothing_to_compare_with_is_no_likeness() -> None:
    assert max_ncc(ncc_signature(image(0)), []).shape == (0,)


def page(*lines: tuple[int, int, int], bar: bool = True) -> PIL.Image.Image:
    """A white page with dark lines (left, top, length), and a blue bar."""
    image = PIL.Image.new("RGB", (640, 360), "white")
    draw = PIL.ImageDraw.Draw(image)
    if bar:
        draw.rectangle((0, 0, 640, 45), fill=(30, 60, 120))
    for left, top, length in lines:
        draw.rectangle((left, top, left + length, top + 10), fill="black")
    return image


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PIL.Image.new("RGB", (90, 60), "white"), PIL.Image.new("RGB", (90, 60), "white")),
        (PIL.Image.new("RGB", (90, 60)), PIL.Image.new("RGB", (60, 90))),
        (page((300, 180, 60), bar=False), page((300, 180, 70), bar=False)),
        (page((300, 180, 60), bar=False), image(0)),
        (image(0), page((300, 180, 60), bar=False)),
    ],
)
def test_an_image_that_shows_next_to_nothing_proves_nothing(
    one: PIL.Image.Image, other: PIL.Image.Image
) -> None:
    assert are_copies(ncc_signature(one), [ncc_signature(other)]) == [None]


def test_slides_of_one_layout_are_no_copies_but_copies_of_a_slide_are() -> None:
    one = page((40, 90, 300), (40, 160, 400), (40, 230, 200))
    other = page((40, 90, 380), (40, 160, 250), (40, 230, 330))
    signature = ncc_signature(one)
    assert are_copies(signature, [ncc_signature(other)])[0] is not True
    for name in ("JPEG 20", "mirrored", "rotated 90°", "grayscale"):
        assert are_copies(signature, [ncc_signature(COPIES[name](one))]) == [True]


def test_colors_count_unless_one_image_is_gray() -> None:
    one = image(1)
    red, green, blue = one.split()
    exchanged = PIL.Image.merge("RGB", (blue, red, green))
    signature = ncc_signature(one)
    assert max_ncc(signature, [ncc_signature(exchanged)])[0] >= NCC_THRESHOLD
    others = [exchanged, one.convert("L"), one.transpose(PIL.Image.Transpose.ROTATE_90)]
    assert are_copies(signature, [ncc_signature(other) for other in others]) == [False, True, True]


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_images_with_content_are_proven(name: str) -> None:
    for number in (0, 1):
        one, copy = ncc_signature(image(number)), ncc_signature(COPIES[name](image(number)))
        assert are_copies(one, [copy]) == [True]
