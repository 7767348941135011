import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder.images.signature import (
    SIGNATURE_RESIZE,
    ncc_signature,
    pack,
    signature_of,
    unpack,
)
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Signature

shares = st.floats(0, 1)
signatures = st.builds(
    Signature,
    arrays(np.int8, (64, 64), fill=st.just(0)),
    arrays(np.int8, (2, 16, 16), fill=st.just(0)),
    shares,
    shares,
)


def assert_same(one: Signature, other: Signature) -> None:
    np.testing.assert_array_equal(one.pattern, other.pattern)
    np.testing.assert_array_equal(one.chroma, other.chroma)
    assert (one.content, one.plain) == (other.content, other.plain)


@settings(max_examples=30, deadline=None)
@given(signatures)
def test_packing_loses_nothing(signature: Signature) -> None:
    packed = pack(signature)
    assert len(packed) == 4625
    assert_same(unpack(packed), signature)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=5000))
def test_other_bytes_are_no_signature(other: bytes) -> None:
    with pytest.raises(ValueError, match="a packed signature has 4625 bytes"):
        unpack(other)


def test_a_format_from_the_future_and_damage_are_refused() -> None:
    packed = pack(ncc_signature(draw_scene("mosaic")))
    with pytest.raises(ValueError, match="the format of this signature is 2"):
        unpack(b"\x02" + packed[1:])
    for damage in (np.nan, np.inf, -0.5, 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            unpack(packed[:1] + np.array(damage, "<f8").tobytes() + packed[9:])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 255))
def test_a_blank_image_of_any_size_has_one(width: int, height: int, gray: int) -> None:
    signature = signature_of(np.full((height, width, 3), gray, np.uint8))
    assert (signature.pattern == gray - 128).all()
    assert not signature.chroma.any()
    assert (signature.content, signature.plain) == (0, 1)


def test_it_is_that_of_the_decoded_pixels_and_their_size_hardly_matters() -> None:
    scene = draw_scene("harbour")
    size = SIGNATURE_RESIZE.width, SIGNATURE_RESIZE.height
    small, large = (np.asarray(scene.resize(each)) for each in (size, (512, 512)))
    assert_same(signature_of(small), ncc_signature(small))
    difference = signature_of(small).pattern.astype(int) - signature_of(large).pattern
    assert np.abs(difference).mean() < 4


def test_a_plain_frame_is_left_out() -> None:
    pixels = np.asarray(draw_scene("coral-reef").resize((64, 64)))
    framed = np.full((128, 128, 3), 250, np.uint8)
    framed[32:96, 16:80] = pixels
    bare = pixels.repeat(2, 0).repeat(2, 1)
    difference = signature_of(framed).pattern.astype(int) - signature_of(bare).pattern
    assert np.abs(difference).max() <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_content_is_the_share_of_pixels_whose_surroundings_vary(seed: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.full((128, 128), 100, np.uint8)
    pixels[rng.integers(64) :, : rng.integers(1, 128)] += rng.integers(spread + 1, dtype=np.uint8)
    pixels[:30] += rng.integers(spread + 1, size=(30, 128), dtype=np.uint8)
    padded = np.pad(pixels.astype(np.float64), 2, mode="reflect")
    deviation = np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).std(axis=(2, 3))
    least, most = ((deviation > 6 + near).mean() for near in (0.01, -0.01))
    assert least <= signature_of(np.dstack([pixels] * 3)).content <= most
