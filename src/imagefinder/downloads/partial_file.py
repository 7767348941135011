"""Contents on their way to files: no name comes from elsewhere, and no half file has one."""

from __future__ import annotations

import hashlib
import os
import shutil
from io import BufferedRandom, BytesIO
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from imagefinder.downloads.http.fetcher import sniffed
from imagefinder.downloads.state import StoredImage
from imagefinder.errors import AnswerRefused, DownloadError

_PARTS = ".part"
_numbers = count()  # a folder is filled by one program at a time
_IN_MEMORY = 2**20  # bytes: many contents arrive at a time, and few are larger


def make_room(folder: Path) -> None:
    """The folder, with a place for what arrives and nothing left in it of an earlier run."""
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    (folder / _PARTS).mkdir(parents=True)


def clear(folder: Path) -> None:
    """Nothing arrives any more."""
    shutil.rmtree(folder / _PARTS, ignore_errors=True)


class Arriving:
    """Takes a content piece by piece: in memory while it is small, then in a file."""

    def __init__(self, folder: Path) -> None:
        """Nothing has come yet."""
        self._folder = folder
        self._part = f"{folder}/{_PARTS}/{next(_numbers)}"  # a Path takes ten times as long
        self._file: BytesIO | BufferedRandom = BytesIO()
        self._size = 0

    def __enter__(self) -> Self:
        """Leaves nothing behind but what was kept."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes."""
        if not self._file.closed:
            self._file.close()
            if not isinstance(self._file, BytesIO):
                Path(self._part).unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """The next piece. Raises DownloadError if the disk does not take it."""
        self._size += len(piece)
        try:
            if self._size > _IN_MEMORY:
                self._to_disk()
            self._file.write(piece)
        except OSError as error:
            raise DownloadError(f"{self._folder}: {error.strerror or error}") from error

    def kept(self, min_side: int) -> StoredImage:
        """All has come: put it in its place, unless it is there already.

        Raises AnswerRefused if it is no image, or if its shorter side has fewer pixels.
        """
        self._file.seek(0)
        seen = sniffed(self._file)
        if min(seen.width, seen.height) < min_side:
            raise AnswerRefused(
                "too-small", f"{seen.width} × {seen.height} pixels are a placeholder, no image"
            )
        self._file.seek(0)
        sha256 = hashlib.file_digest(self._file, "sha256").digest()
        image = StoredImage(sha256, seen.suffix, self._size, seen.width, seen.height)
        self._place(f"{self._folder}/{image.name}")
        return image

    def _place(self, path: str) -> None:
        try:
            if os.stat(path).st_size == self._size:
                return
        except FileNotFoundError:
            pass
        self._to_disk()
        self._file.close()
        try:
            os.replace(self._part, path)
        except FileNotFoundError:
            Path(path).parent.mkdir(exist_ok=True)
            os.replace(self._part, path)

    def _to_disk(self) -> None:
        if isinstance(self._file, BytesIO):
            so_far = self._file.getvalue()
            self._file = open(self._part, "w+b")  # noqa: SIM115  closed in __exit__
            self._file.write(so_far)
