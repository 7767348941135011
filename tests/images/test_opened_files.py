"""Stored files are opened only while they hold the image's bytes."""

import os
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from imagefinder._utils.sqlite import connect
from imagefinder.images.opened_files import stored_file
from imagefinder.types import File, Record, key_of

from ..conftest import drawn

LONG_AGO = 10**18
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")


def png() -> bytes:
    data = BytesIO()
    PIL.Image.fromarray(drawn(1)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.png"
    file.write_bytes(png())
    return file


@pytest.fixture
def record(path: Path) -> Record:
    hash_ = sha256(png()).digest()
    return Record(key_of(hash_), hash_, len(png()), 9, 9, (File(str(path), LONG_AGO),))


def content(record: Record) -> bytes | None:
    with stored_file(record) as opened:
        return opened.stream.read() if opened else None


def test_a_file_is_read_whatever_its_time(path: Path, record: Record) -> None:
    for at in (0, LONG_AGO):
        os.utime(path, ns=(at, at))
        assert content(record) == png()


def test_another_content_of_the_same_size_and_time_is_not_read(path: Path, record: Record) -> None:
    assert content(record) == png()
    path.write_bytes(bytes(len(png())))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert content(record) is None


def test_a_catalogue_that_is_open_is_not_opened_as_an_image(tmp_path: Path) -> None:
    file = tmp_path / "c.db"
    connection = connect(file, create=True)
    connection.execute("CREATE TABLE numbers (n)")
    connection.close()
    data = file.read_bytes()
    hash_ = sha256(data).digest()
    named = Record(key_of(hash_), hash_, len(data), 9, 9, (File(str(file), LONG_AGO),))
    assert content(named) == data
    connection = connect(file)
    assert content(named) is None
    connection.close()


@POSIX
def test_a_link_is_followed_to_the_image_only(path: Path, record: Record, tmp_path: Path) -> None:
    moved, secret = tmp_path / "moved.png", tmp_path / "secret"
    path.rename(moved)
    path.symlink_to(moved)
    assert content(record) == png()
    secret.write_bytes(bytes(len(png())))
    os.utime(secret, ns=(LONG_AGO, LONG_AGO))
    path.unlink()
    path.symlink_to(secret)
    assert content(record) is None


@POSIX
def test_a_pipe_or_device_is_not_waited_for(path: Path, record: Record) -> None:
    path.unlink()
    os.mkfifo(path)
    assert content(record) is None
    for other in ("/dev/zero", str(path.parent), "", "a\0b"):
        assert content(replace(record, files=(File(other, 0),))) is None


def test_a_further_file_is_read_in_the_place_of_one_that_is_gone(
    path: Path, record: Record
) -> None:
    gone = File(str(path.with_name("gone.png")), 0)
    assert content(replace(record, files=(gone, *record.files))) == png()


def test_what_is_no_image_is_not_read_though_an_import_names_it(path: Path, record: Record) -> None:
    path.write_text("a secret")
    hash_ = sha256(b"a secret").digest()
    named = replace(record, sha256=hash_, size=8)
    assert content(named) == b"a secret"  # somebody has decoded what was added
    assert content(replace(named, files=(File(str(path), 0, "imported"),))) is None


def test_an_answer_is_remembered_until_the_file_changes(
    path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = path.stat().st_ctime_ns + 10**10
    monkeypatch.setattr("imagefinder._utils.file_hashes.time.time_ns", lambda: later)
    assert content(record) == png()
    with monkeypatch.context() as patch:
        patch.setattr("imagefinder._utils.file_hashes.hashlib.file_digest", None)
        assert content(record) == png()
    path.write_bytes(bytes(len(png())))
    assert content(record) is None
