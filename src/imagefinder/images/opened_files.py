"""Opening the files of stored images: only a file that still holds the image's bytes is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader

from imagefinder._utils.file_hashes import FileHashes
from imagefinder._utils.open_databases import is_open_database
from imagefinder.errors import ImageError, UnreadableImage
from imagefinder.images.formats import probe
from imagefinder.images.remote_files import is_remote, open_remote
from imagefinder.types import File, Record

_hashes = FileHashes(most=50_000)
# a pipe in the place of a file must not be waited for
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True)
class OpenedFile:
    """One of an image's files, open for reading at its beginning."""

    file: File
    stream: BufferedReader

    def close(self) -> None:
        """Close it."""
        self.stream.close()


def anywhere(file: File) -> bool:
    """Every file may be opened."""
    return True


def open_stored(record: Record, may_open: Callable[[File], bool] = anywhere) -> OpenedFile | None:
    """The first of an image's files that still holds its bytes, opened; None if there is none.

    The bytes are checked through the descriptor that is then read, so it does not matter what
    happens to the path meanwhile, nor which links it leads through.
    """
    for file in record.files:
        stream = _open(file, record) if may_open(file) else None
        if stream is not None:
            return OpenedFile(file, stream)
    return None


@contextmanager
def stored_file(
    record: Record, may_open: Callable[[File], bool] = anywhere
) -> Iterator[OpenedFile | None]:
    """``open_stored``, closed at the end."""
    opened = open_stored(record, may_open)
    try:
        yield opened
    finally:
        if opened is not None:
            opened.close()


def _open(file: File, record: Record) -> BufferedReader | None:
    try:
        stream = _opened(file)
    except (OSError, ValueError, ImageError):
        return None
    try:
        if _holds(stream, record) and (file.origin != "imported" or _is_image(stream)):
            return stream
    except OSError:
        pass
    stream.close()
    return None


def _opened(file: File) -> BufferedReader:
    """Raises OSError, ValueError or ImageError."""
    if is_remote(file.path):
        if file.origin == "imported":
            raise UnreadableImage("nobody has said that what a list names may be fetched")
        return open_remote(file.path)
    if not stat.S_ISREG(os.stat(file.path).st_mode):  # opening a device may have effects
        raise UnreadableImage("not a regular file")
    if is_open_database(file.path):
        raise UnreadableImage("is a catalogue that is open, not an image")
    return os.fdopen(os.open(file.path, _FLAGS), "rb")


def _holds(stream: BufferedReader, record: Record) -> bool:
    state = os.fstat(stream.fileno())
    if not stat.S_ISREG(state.st_mode) or state.st_size != record.size:
        return False
    return _hashes.sha256(stream) == record.sha256


def _is_image(stream: BufferedReader) -> bool:
    """Whether it looks like one: nobody has decoded what a list from elsewhere names."""
    try:
        probe(stream)
    except ImageError:
        return False
    finally:
        stream.seek(0)
    return True
