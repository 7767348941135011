"""The files of stored images, which may have changed or gone."""

import hashlib
import os
from io import BufferedReader
from pathlib import Path

import pytest

from imagefinder.errors import UnreadableImage
from imagefinder.images.files import read
from imagefinder.images.stored_files import (
    any_exists,
    file_with_content,
    first_readable,
    unchanged_file,
)
from imagefinder.types import File, Record

CONTENT = b"not really an image"


@pytest.fixture
def stored(tmp_path: Path) -> Record:
    """An image in two places, the first of which is gone."""
    there = tmp_path / "there.png"
    there.write_bytes(CONTENT)
    files = (File(str(tmp_path / "gone.png"), 1), File(str(there), there.stat().st_mtime_ns))
    return Record(1, hashlib.sha256(CONTENT).digest(), len(CONTENT), 1, 1, files)


def test_the_first_file_that_can_be_read_counts(stored: Record) -> None:
    assert first_readable(stored, read) == CONTENT
    assert any_exists(stored)
    assert unchanged_file(stored) == file_with_content(stored) == stored.files[1]


def test_a_file_that_was_only_touched_has_its_content_still(stored: Record) -> None:
    os.utime(stored.files[1].path, ns=(5, 5))
    assert unchanged_file(stored) is None
    assert file_with_content(stored) == stored.files[1]


def test_a_file_with_other_content_is_another_image(stored: Record) -> None:
    Path(stored.files[1].path).write_bytes(CONTENT[::-1])
    os.utime(stored.files[1].path, ns=(5, 5))
    assert unchanged_file(stored) is None
    assert file_with_content(stored) is None
    assert first_readable(stored, read) is None


def test_without_files_there_is_nothing(stored: Record) -> None:
    os.unlink(stored.files[1].path)
    assert not any_exists(stored)
    assert unchanged_file(stored) is file_with_content(stored) is None

    def load(file: BufferedReader) -> bytes:
        raise UnreadableImage(file.name)

    assert first_readable(stored, load) is None
