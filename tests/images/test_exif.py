"""The camera and the date in an image's EXIF."""

import io
from datetime import datetime

import PIL.Image
import pytest

from imagefinder.images.exif import Exif, exif_of


def opened(tags: dict[int, object], taken: object = None) -> PIL.Image.Image:
    file = io.BytesIO()
    exif = PIL.Image.Exif()
    exif.update(tags)
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    PIL.Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    return PIL.Image.open(file)


def test_camera_and_date() -> None:
    image = opened({0x010F: "Maker", 0x0110: "One\0"}, "2020:05:17 10:11:12")
    assert exif_of(image) == Exif("Maker One", datetime(2020, 5, 17, 10, 11, 12))


@pytest.mark.parametrize("taken", ["", "0000:00:00 00:00:00", "yesterday"])
def test_a_date_that_is_none(taken: str) -> None:
    assert exif_of(opened({}, taken)) == Exif()


def test_damaged_exif_says_nothing() -> None:
    class Damaged(PIL.Image.Image):
        def getexif(self) -> PIL.Image.Exif:
            raise SyntaxError

    assert exif_of(Damaged()) == Exif()
