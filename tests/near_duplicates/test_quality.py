"""The best of several copies is the one that a person would keep."""

import hashlib
import io
from datetime import datetime
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.compression import Compression
from imagefinder.images.decode import decode
from imagefinder.images.exif import Exif
from imagefinder.images.transforms import COPIES
from imagefinder.near_duplicates.quality import Comparison
from imagefinder.near_duplicates.traits import Traits, appearance_of, is_copy_name, traits_of
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import File, Record, key_of


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with the grain of a photograph, as a camera's JPEG file."""
    pixels = np.asarray(draw_scene("harbour").convert("RGB").resize((420, 300)), np.float32)
    grain = np.random.default_rng(0).normal(0, 8, (300, 420, 1))
    path = tmp_path_factory.mktemp("original") / "z.jpg"
    PIL.Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(path, quality=75)
    return path


def read(path: Path) -> Traits:
    return traits_of(recorded(path))


def recorded(path: Path) -> Record:
    """As a catalogue holds it."""
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).digest()
    decoded = decode(data)
    file = File(str(path), path.stat().st_mtime_ns)
    return Record(key_of(sha256), sha256, len(data), decoded.width, decoded.height, (file,))


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_an_altered_copy_is_not_the_best(
    original: Path, tmp_path: Path, change: str, name: str
) -> None:
    with PIL.Image.open(original) as image:
        COPIES[change](image.convert("RGB")).save(tmp_path / name, quality=90)
    compared = Comparison([read(tmp_path / name), read(original)])
    assert compared.best == 1
    said = compared.why(1, 0)
    assert _SAID.get(change, said[0]) in said


_SAID = {
    "JPEG 20": "less compression",
    "quarter size": "more pixels",
    "70 % crop": "more pixels",
    "rotated 10°": "not tilted",
    "mirrored": "not mirrored",
    "brightness 1.5": "brightest parts not lost",
    "contrast 0.6": "more contrast",
    "blur 3": "sharper",
    "border of 20 %": "no border",
    "grayscale": "in color",
    "rotated 90°": "upright",
}


def known(**more: object) -> Traits:
    return Traits(1000, 100, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        (known(), known(exists=False), "still there"),
        (known(exif=Exif("Maker One")), known(), "camera known"),
        (known(exif=Exif(None, datetime(2020, 1, 1))), known(), "earlier date"),
        (
            known(exif=Exif(None, datetime(2020, 1, 1))),
            known(exif=Exif(None, datetime(2021, 1, 1))),
            "earlier date",
        ),
        (known(format="HEIF"), known(format="JPEG"), "original format"),
        (known(), known(compression=Compression(quality=50)), "less compression"),
        (known(path="/a/one.jpg"), known(path="/a/one (1).jpg"), "not named as a copy"),
        (known(modified_ns=1), known(modified_ns=2), "earlier file"),
        (Traits(1000, 200), Traits(1000, 100), "larger file"),
        (Traits(4000, 100), Traits(1000, 200), "more pixels"),
    ],
)
def test_what_counts_and_is_said(better: Traits, worse: Traits, reason: str) -> None:
    for members in ([better, worse], [worse, better]):
        compared = Comparison(members)
        assert members[compared.best] is better
        assert compared.why(compared.best, 1 - compared.best) == (reason,)


def test_of_two_that_are_turned_the_more_familiar_one_is_upright() -> None:
    pixels = np.asarray(draw_scene("harbour").resize((90, 60)).convert("RGB"))
    turned = known(appearance=appearance_of(np.rot90(pixels).copy()))
    upright = known(appearance=appearance_of(pixels))
    assert Comparison([turned, upright]).are_turned
    assert not Comparison([upright, upright]).are_turned
    compared = Comparison([turned, upright], [0.7, 0.8])
    assert (compared.best, compared.why(1, 0)) == (1, ("upright",))


def test_of_equals_the_first_is_the_best() -> None:
    compared = Comparison([known(), known()])
    assert (compared.best, compared.why(0, 1)) == (0, ("first by its path",))


@pytest.mark.parametrize(
    "name",
    [
        "a (1).jpg",
        "a copy.jpg",
        "a - Kopie (2).png",
        "Copy of a.jpg",
        "a-edited.jpg",
        "a-150x150.jpg",
    ],
)
def test_names_of_copies(name: str) -> None:
    assert is_copy_name(f"/somewhere/{name}")


@pytest.mark.parametrize(
    "name", ["IMG_0001.jpg", "copy.jpg", "scenery.jpg", "a(b).jpg", "2020-05-17.jpg"]
)
def test_names_of_originals(name: str) -> None:
    assert not is_copy_name(f"/copy (1)/{name}")


def test_a_blank_image_can_be_compared() -> None:
    appearance = appearance_of(np.full((3, 700, 3), 255, np.uint8))
    assert (appearance.inside, appearance.is_tilted, appearance.plain) == (1, False, 0)


def test_a_truncated_file_is_compared_by_what_is_there(original: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.jpg"
    part.write_bytes(original.read_bytes()[:-4000])
    found = read(part)
    assert found.appearance is not None
    assert found.compression == Compression()


def test_a_file_that_has_changed_is_known_by_its_record(original: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(original.read_bytes())
    record = recorded(path)
    with io.BytesIO() as file:
        draw_scene("mosaic").save(file, "JPEG")
        path.write_bytes(file.getvalue())
    found = traits_of(record)
    assert (found.pixels, found.appearance, found.exists) == (420 * 300, None, True)
