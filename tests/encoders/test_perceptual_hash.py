"""The hashes are those of the imagehash package, close for copies and far for other images."""

from collections.abc import Callable
from io import BytesIO
from itertools import combinations

import imagehash
import numpy as np
import PIL.Image
import pytest

from imagefinder.encoders.perceptual_hash import DHash, PHash
from imagefinder.images.decode import Source, decode
from imagefinder.testing.gallery import SCENES, draw_scene
from imagefinder.types import Image

HASHES = [(DHash(), imagehash.dhash), (PHash(), imagehash.phash)]
ENCODERS = [DHash(), PHash()]
Hash = DHash | PHash


def bits(encoder: Hash, source: Source) -> int:
    (row,) = encoder.encode([decode(source, encoder.resize).pixels])
    return int.from_bytes(row.tobytes())


def differing(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def small_jpeg(pixels: Image) -> bytes:
    image = PIL.Image.fromarray(pixels)
    file = BytesIO()
    image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(file, "JPEG", quality=60)
    return file.getvalue()


@pytest.fixture(scope="module")
def images(draw: Callable[..., Image]) -> list[Image]:
    scenes = [np.asarray(draw_scene(name)) for name in SCENES[:12]]
    return [*scenes, *(draw(seed, 320, 240) for seed in range(12))]


@pytest.mark.parametrize(("encoder", "reference"), HASHES)
def test_the_bits_are_those_of_imagehash(
    encoder: Hash,
    reference: Callable[[PIL.Image.Image], imagehash.ImageHash],
    images: list[Image],
) -> None:
    wrong = [
        differing(bits(encoder, pixels), int(str(reference(PIL.Image.fromarray(pixels))), 16))
        for pixels in images
    ]
    assert max(wrong) <= 4
    assert np.mean(wrong) <= 1.5


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_near_copy_differs_in_few_bits(encoder: Hash, images: list[Image]) -> None:
    for pixels in images:
        assert differing(bits(encoder, pixels), bits(encoder, small_jpeg(pixels))) <= 8


@pytest.mark.parametrize("encoder", ENCODERS)
def test_other_images_differ_in_many_bits(encoder: Hash, images: list[Image]) -> None:
    hashes = [bits(encoder, pixels) for pixels in images]
    apart = [differing(one, other) for one, other in combinations(hashes, 2)]
    assert min(apart) > 8
    assert np.median(apart) >= 24


@pytest.mark.parametrize("encoder", ENCODERS)
def test_flat_images_are_all_alike(encoder: Hash) -> None:
    greys = [bits(encoder, np.full((50, 60, 3), level, np.uint8)) for level in (1, 10, 128, 255)]
    assert len(set(greys)) == 1


def test_dhash_tells_where_it_gets_brighter_to_the_right() -> None:
    brighter = np.repeat(np.linspace(0, 255, 90).astype(np.uint8)[None], 80, axis=0)
    assert bits(DHash(), brighter) == 2**64 - 1
    assert bits(DHash(), np.ascontiguousarray(brighter[:, ::-1])) == 0


def test_phash_does_not_see_a_change_of_contrast(images: list[Image]) -> None:
    for pixels in images[:6]:
        paler = (pixels // 2 + 64).astype(np.uint8)
        assert differing(bits(PHash(), pixels), bits(PHash(), paler)) <= 2
