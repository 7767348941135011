"""Disk space is taken before a file is mapped, and its lack is an error in plain words."""

import errno
import os
from pathlib import Path

import pytest

from imagefinder._utils.disk_space import reserve
from imagefinder.errors import DiskFull


@pytest.mark.parametrize("allocates", [True, False])
def test_the_file_has_its_size_and_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allocates: bool
) -> None:
    if not allocates:
        monkeypatch.delattr(os, "posix_fallocate")
    with (tmp_path / "a").open("wb") as file:
        reserve(file.fileno(), 3 * 2**20 + 5, tmp_path)
        about = os.fstat(file.fileno())
    assert about.st_size == 3 * 2**20 + 5
    assert about.st_blocks * 512 >= 3 * 2**20


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EIO, OSError)])
def test_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def fail(*_: int) -> None:
        raise OSError(number, "fails")

    monkeypatch.setattr(os, "posix_fallocate", fail)
    with (tmp_path / "a").open("wb") as file, pytest.raises(kind):
        reserve(file.fileno(), 1, tmp_path)


def test_no_bytes_need_no_room(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        reserve(file.fileno(), 0, tmp_path)
    assert (tmp_path / "a").stat().st_size == 0
