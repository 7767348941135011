"""Verification of pairs: by pixels, by geometry, or by the score alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest

from imagefinder.encoders.joined import MODELS
from imagefinder.images.ncc import Alignment, align
from imagefinder.images.signature import ncc_signature
from imagefinder.images.transforms import COPIES
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Correspondences, Recipe, Signature
from imagefinder.verification.criteria import shipped_calibration, shipped_criteria, shipped_model
from imagefinder.verification.verify import Fingerprint, Verification, verify, with_geometry

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")
ANY = shipped_criteria(recipe_of(make_encoder("classic")))
COMPACT = shipped_criteria(recipe_of(make_encoder("compact")))


def image(number: int) -> PIL.Image.Image:
    return draw_scene(SCENES[number])


def pair(one: PIL.Image.Image, other: PIL.Image.Image) -> Verification:
    """By pixels alone."""
    left, right = (Fingerprint(signature=ncc_signature(each)) for each in (one, other))
    (found,) = verify(left, [right], [0.5], ANY)
    return found


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
    found = pair(one, other)
    assert (found.verdict, found.is_undecided, found.probability) == ("similar", True, None)


def test_slides_of_one_layout_are_no_copies_but_copies_of_a_slide_are() -> None:
    one = page((40, 90, 300), (40, 160, 400), (40, 230, 200))
    other = page((40, 90, 380), (40, 160, 250), (40, 230, 330))
    assert not pair(one, other).is_match
    for name in ("JPEG 20", "mirrored", "rotated 90°", "grayscale"):
        assert pair(one, COPIES[name](one)).verdict == "same image"


def test_colors_count_unless_one_image_is_gray() -> None:
    one = image(1)
    red, green, blue = one.split()
    exchanged = PIL.Image.merge("RGB", (blue, red, green))
    assert pair(one, exchanged).verdict == "similar"
    for other in (one.convert("L"), one.transpose(PIL.Image.Transpose.ROTATE_90)):
        assert pair(one, other).verdict == "same image"


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_images_with_content_are_proven(name: str) -> None:
    found = pair(image(0), COPIES[name](image(0)))
    assert (found.verdict, found.is_match) == ("same image", True)
    assert found.probability is not None
    assert found.probability > 0.7


def test_other_images_are_merely_similar() -> None:
    for one in range(4):
        for other in set(range(4)) - {one}:
            assert pair(image(one), image(other)).verdict == "similar"


def test_equal_keys_are_the_same_image_whatever_they_show() -> None:
    blank = Fingerprint(key=1, signature=ncc_signature(np.full((9, 9, 3), 255, np.uint8)))
    (found,) = verify(blank, [blank], [0.0], ANY)
    assert (found.verdict, found.probability, found.evidence.identical) == ("same image", 1, True)


def test_without_signatures_the_score_has_its_word() -> None:
    unknown = Fingerprint()
    high, low = verify(unknown, [unknown, unknown], [0.9999, 0.3], COMPACT)
    assert (high.verdict, low.verdict) == ("same image", "similar")
    assert high.probability is not None
    assert low.probability is not None
    assert high.probability > low.probability
    (nothing,) = verify(unknown, [unknown], [0.9999], ANY)
    assert (nothing.is_match, nothing.probability) == (None, None), "no calibration is known"


def test_geometry_makes_the_same_thing_of_what_is_similar() -> None:
    found = pair(image(0), image(1))
    agreed = Correspondences(np.zeros((30, 2), np.intp), verified=True)
    same = with_geometry(found, agreed, 500)
    assert (same.verdict, same.is_match, same.evidence.inliers) == ("same thing", True, 30)
    assert same.evidence.correlation == found.evidence.correlation
    refused = with_geometry(found, Correspondences(np.zeros((7, 2), np.intp), verified=False), 500)
    assert (refused.verdict, refused.evidence.inliers) == ("similar", 7)
    assert with_geometry(found, Correspondences(np.zeros((7, 2), np.intp)), 500) == found
    copy = with_geometry(pair(image(0), image(0)), agreed, 500)
    assert (copy.verdict, copy.evidence.inliers) == ("same image", 30)


def test_identical_bytes_are_not_compared_by_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    signature, other = (ncc_signature(image(number)) for number in (0, 1))
    compared: list[Signature] = []

    def spy(query: Signature, others: Sequence[Signature]) -> list[Alignment]:
        compared.extend(others)
        return align(query, others)

    monkeypatch.setattr("imagefinder.verification.verify.align", spy)
    one = Fingerprint(5, signature)
    found = verify(one, [Fingerprint(4, other), Fingerprint(5, signature)], [0.1, 1.0], ANY)
    assert [each.verdict for each in found] == ["similar", "same image"]
    assert [each.evidence.identical for each in found] == [False, True]
    assert len(compared) == 1
    assert compared[0] is other


def test_tables_with_the_same_lines_are_no_copies_but_copies_of_a_table_are() -> None:
    one, other = table(1), table(2)
    assert pair(one, other).is_undecided
    for name in ("quarter size", "rotated 90°", "grayscale"):
        assert pair(one, COPIES[name](one)).verdict == "same image"


def table(seed: int) -> PIL.Image.Image:
    """Numbers between lines."""
    image = PIL.Image.new("RGB", (1000, 800), "white")
    draw = PIL.ImageDraw.Draw(image)
    for row in range(13):
        draw.line((50, 50 + 55 * row, 950, 50 + 55 * row), fill="black", width=2)
    for column in range(7):
        draw.line((50 + 150 * column, 50, 50 + 150 * column, 710), fill="black", width=2)
    numbers = np.random.default_rng(seed).integers(100, 99999, (12, 6))
    font = PIL.ImageFont.load_default(24)
    for (row, column), number in np.ndenumerate(numbers):
        draw.text((60 + 150 * column, 62 + 55 * row), str(number), fill="black", font=font)
    return image


def test_of_images_that_show_too_little_most_local_features_must_agree() -> None:
    undecided = pair(page((300, 180, 60), bar=False), page((300, 180, 70), bar=False))
    agreed = Correspondences(np.zeros((54, 2), np.intp), verified=True)
    other = with_geometry(undecided, agreed, features=105)
    assert (other.verdict, other.is_undecided, other.evidence.inliers) == ("similar", True, 54)
    assert with_geometry(undecided, agreed, features=80).verdict == "same thing"


@pytest.mark.parametrize("name", MODELS)
def test_the_projection_that_is_shipped_has_its_calibration(name: str) -> None:
    recipe = Recipe(name, {"sha256": MODELS[name].sha256}, 384, "cosine")
    calibration = shipped_calibration(recipe)
    assert calibration is not None
    assert shipped_model(recipe).weights[-1] > 0  # it uses the encoder's scores
    criteria = shipped_criteria(recipe)
    assert criteria.by_score is calibration
    assert criteria.model is shipped_model(recipe)
    another = replace(recipe, options={"sha256": "0" * 64})
    assert shipped_calibration(another) is None
