"""Partial files: a download is validated and hashed before it gets its name in the folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom, BytesIO
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from imagefinder._utils.text import one_line
from imagefinder.downloads.http.fetcher import probe_image
from imagefinder.downloads.policy import CHANGED_FILE
from imagefinder.downloads.state import StoredImage
from imagefinder.errors import DownloadError, ResponseRefused

_numbers = count()  # a folder is filled by one program at a time
_IN_MEMORY = 2**20  # bytes: many are downloaded at a time, and few are larger


@contextmanager
def folder_of_parts(path: str) -> Iterator[None]:
    """Where partial files go; it is emptied first, if an earlier run was killed, and removed.

    Workers of that run may still be writing in it.
    """
    shutil.rmtree(path, ignore_errors=True)
    Path(path).mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)


class PartialFile:
    """A download in progress: in memory while it is small, then in a temporary file."""

    def __init__(self, folder: Path, temporary: str) -> None:
        """Empty; nothing is opened yet."""
        self._folder = folder
        self._path = f"{temporary}/{next(_numbers)}"  # a Path takes ten times as long
        self._file: BytesIO | BufferedRandom = BytesIO()
        self._size = 0

    def __enter__(self) -> Self:
        """Removes the temporary file at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, and remove what was not finished."""
        if not self._file.closed:
            self._file.close()
            if not isinstance(self._file, BytesIO):
                Path(self._path).unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises DownloadError if the disk is full."""
        self._size += len(chunk)
        try:
            if self._size > _IN_MEMORY:
                self._to_disk()
            self._file.write(chunk)
        except OSError as error:
            raise DownloadError(f"{self._folder}: {one_line(error)}") from error

    def finish(self, min_side: int, force: bool) -> StoredImage:
        """Validate the complete image and move it into the folder, unless it is there already.

        Raises ResponseRefused if it is not an image, or its shorter side is below ``min_side``, or
        if another file has its name, which only ``force`` replaces.
        """
        self._file.seek(0)
        header = probe_image(self._file)
        if min(header.width, header.height) < min_side:
            raise ResponseRefused(
                "too-small", f"{header.width} × {header.height} pixels: a placeholder, not an image"
            )
        self._file.seek(0)
        sha256 = hashlib.file_digest(self._file, "sha256").digest()
        image = StoredImage(sha256, header.suffix, self._size, header.width, header.height)
        self._move_to(f"{self._folder}/{image.name}", force)
        return image

    def _move_to(self, path: str, force: bool) -> None:
        try:
            there = os.stat(path)
        except FileNotFoundError:
            pass
        else:
            is_beginning = stat.S_ISREG(there.st_mode) and self._begins_with(path)
            if is_beginning and there.st_size == self._size:
                return
            if not (force or is_beginning):
                raise ResponseRefused(
                    CHANGED_FILE,
                    f"{path} is not the image that its name says: move it away, or replace it with "
                    "--force",
                )
        self._to_disk()
        self._file.close()
        try:
            os.replace(self._path, path)
        except FileNotFoundError:
            Path(path).parent.mkdir(exist_ok=True)
            os.replace(self._path, path)

    def _begins_with(self, path: str) -> bool:
        """Whether a file is this image, or as much of it as had reached the disk."""
        self._file.seek(0)
        with open(path, "rb") as file:
            while chunk := file.read(_IN_MEMORY):
                if chunk != self._file.read(len(chunk)):
                    return False
        return True

    def _to_disk(self) -> None:
        if isinstance(self._file, BytesIO):
            content = self._file.getvalue()
            self._file = open(self._path, "w+b")  # noqa: SIM115  closed in __exit__
            self._file.write(content)
