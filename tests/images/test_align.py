import functools

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder.images import ncc
from imagefinder.images.ncc import Alignment, align
from imagefinder.images.signature import ncc_signature
from imagefinder.images.transforms import crop, grayscale, jpeg
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Signature

SCENES = ("harbour", "mosaic", "coral-reef")


@functools.cache
def scene(name: str) -> PIL.Image.Image:
    return draw_scene(name)


def only(query: PIL.Image.Image, other: PIL.Image.Image) -> Alignment:
    (alignment,) = align(ncc_signature(query), [ncc_signature(other)])
    return alignment


def assert_close(one: Alignment, other: Alignment) -> None:
    assert one.correlation == pytest.approx(other.correlation, abs=1e-6)
    assert one.overlap == pytest.approx(other.overlap, abs=1e-6)
    assert one.orientation == other.orientation
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-6)


Box = tuple[float, float, float, float]
HALVES: list[Box] = [(0, 0, 0.5, 0.5), (0.45, 0.5, 0.5, 0.5)]
LARGER: list[Box] = [(0.3, 0, 0.7, 0.7), (0.2, 0.35, 0.8, 0.65), (0.1, 0.1, 0.8, 0.8)]


def part_of(whole: PIL.Image.Image, box: Box) -> PIL.Image.Image:
    """Left, top, width and height are shares of the sides."""
    pixels = [round(share * side) for share, side in zip(box, whole.size * 2, strict=True)]
    return crop(whole, *pixels)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("box", HALVES + LARGER)
def test_a_crop_is_found_wherever_it_was(name: str, box: Box) -> None:
    whole = scene(name)
    alignment = only(part_of(whole, box), whole)
    assert alignment.correlation > 0.7
    left, top, width, height = box
    area = width * height
    assert (alignment.overlap, alignment.other_overlap) == pytest.approx((1, area), abs=0.06)
    expected = [[width, 0, left], [0, height, top]]
    np.testing.assert_allclose(alignment.matrix, expected, atol=0.03)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("box", LARGER)
def test_what_was_cropped_finds_its_part(name: str, box: Box) -> None:
    whole = scene(name)
    alignment = only(whole, part_of(whole, box))
    assert alignment.correlation > 0.7
    area = box[2] * box[3]
    assert (alignment.overlap, alignment.other_overlap) == pytest.approx((area, 1), abs=0.06)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_every_orientation_is_recognized(quarters: int, is_mirrored: bool) -> None:
    pixels = np.asarray(scene("harbour"))
    turned = np.rot90(pixels, quarters)
    turned = turned[:, ::-1] if is_mirrored else turned
    (alignment,) = align(ncc_signature(turned), [ncc_signature(pixels)])
    assert alignment.correlation > 0.95
    assert alignment.orientation == (quarters, is_mirrored)
    assert np.abs(np.linalg.det(alignment.matrix[:, :2])) == pytest.approx(1, abs=0.03)


def test_the_matrix_leads_from_the_query_to_the_other() -> None:
    whole = scene("harbour")
    width, height = whole.size
    part = crop(whole, width // 4, 0, width // 2, height * 3 // 4)
    turned = part.transpose(PIL.Image.Transpose.ROTATE_90)  # its top left corner is at the bottom
    matrix = only(turned, whole).matrix
    np.testing.assert_allclose(matrix @ [0, 1, 1], [0.25, 0], atol=0.03)
    np.testing.assert_allclose(matrix @ [0, 0, 1], [0.75, 0], atol=0.03)


def test_changes_add_up() -> None:
    whole = scene("harbour")
    width, height = whole.size
    part = crop(whole, width // 3, height // 4, width * 2 // 3, height * 3 // 4)
    changed = grayscale(jpeg(part.resize((part.width // 2, part.height // 2)), 30))
    alignment = only(changed, whole)
    assert alignment.correlation > 0.85
    assert alignment.color is None


def test_colors_are_compared_where_both_have_some() -> None:
    whole = scene("mosaic")
    red, green, blue = whole.split()
    exchanged = only(PIL.Image.merge("RGB", (blue, red, green)), whole).color
    same = only(jpeg(whole, 30), whole).color
    assert exchanged is not None and same is not None
    assert exchanged < 0.5 < 0.95 < same


def test_it_does_not_depend_on_the_company() -> None:
    signatures = [ncc_signature(scene(name)) for name in SCENES]
    width, height = scene("mosaic").size
    query = ncc_signature(crop(scene("mosaic"), width // 3, 0, width * 2 // 3, height * 2 // 3))
    together = align(query, signatures * 4)
    for number, alignment in enumerate(together):
        assert_close(alignment, align(query, [signatures[number % 3]])[0])


def test_what_is_aligned_together_is_aligned_as_alone() -> None:
    signatures = [ncc_signature(scene(name)) for name in SCENES]
    parts = [ncc_signature(part_of(scene(name), LARGER[0])) for name in SCENES]
    searches = [(part, signatures[:count]) for count, part in enumerate(parts, 1)]
    for (part, others), together in zip(searches, ncc._align_all(searches), strict=True):
        for one, other in zip(together, align(part, others), strict=True):
            assert_close(one, other)


def test_either_may_be_the_query() -> None:
    width, height = scene("harbour").size
    part = crop(scene("harbour"), width // 5, height // 5, width * 3 // 4, height * 3 // 4)
    one, other = only(part, scene("harbour")), only(scene("harbour"), part)
    assert one.correlation == pytest.approx(other.correlation, abs=0.05)
    assert one.overlap == pytest.approx(other.other_overlap, abs=0.05)


def test_nothing_is_aligned_with_nothing() -> None:
    assert align(ncc_signature(scene("mosaic")), []) == []


planes = arrays(np.int8, (64, 64), fill=st.integers(-128, 127))
any_signatures = st.builds(
    Signature, planes, arrays(np.int8, (2, 16, 16), fill=st.just(0)), st.just(0.5), st.just(0.2)
)


@settings(max_examples=25, deadline=None)
@given(any_signatures, st.lists(any_signatures, min_size=1, max_size=3))
def test_whatever_is_compared_the_values_make_sense(
    query: Signature, others: list[Signature]
) -> None:
    for alignment in align(query, [*others, query]):
        assert -1 <= alignment.correlation <= 1.0001
        assert 0 <= alignment.overlap <= 1 and 0 <= alignment.other_overlap <= 1
        assert alignment.color is None or -1.0001 <= alignment.color <= 1.0001
        assert np.isfinite(alignment.matrix).all()
