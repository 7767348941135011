from collections.abc import Sequence

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.ncc import align
from imagefinder.images.signature import ncc_signature
from imagefinder.images.transforms import COPIES
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Signature

COPY = 0.7  # a correlation that copies reach
SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")


def image(number: int) -> PIL.Image.Image:
    return draw_scene(SCENES[number])


def max_ncc(one: Signature, others: Sequence[Signature]) -> np.ndarray:
    """Without what a caption covers."""
    return np.array([found.trimmed for found in align(one, others)])


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_image(name: str) -> None:
    for number in (0, 1):
        one, copy = ncc_signature(image(number)), ncc_signature(COPIES[name](image(number)))
        assert max_ncc(one, [copy])[0] >= COPY
        assert max_ncc(copy, [one])[0] >= COPY


def test_other_images_are_not() -> None:
    signatures = [ncc_signature(image(number)) for number in range(4)]
    for number, one in enumerate(signatures):
        found = max_ncc(one, signatures)
        assert found[number] > 0.95
        assert (np.delete(found, number) < COPY).all()


def test_blank_images_tell_nothing() -> None:
    grey, white = (ncc_signature(np.full((50, 70, 3), level, np.uint8)) for level in (128, 255))
    assert (max_ncc(grey, [grey, white, ncc_signature(image(0))]) < COPY).all()


def test_a_plain_frame_does_not_count() -> None:
    scene = np.asarray(image(2))
    framed = np.full((scene.shape[0] * 2, scene.shape[1] + 200, 3), 250, np.uint8)
    framed[50 : 50 + scene.shape[0], 150 : 150 + scene.shape[1]] = scene
    assert max_ncc(ncc_signature(framed), [ncc_signature(scene)])[0] >= COPY


def test_nothing_to_compare_with_is_no_likeness() -> None:
    assert max_ncc(ncc_signature(image(0)), []).shape == (0,)
