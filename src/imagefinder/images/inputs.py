"""From what users give (files, folders, pictures in memory) to single pictures to take in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.errors import ImageError, NotFound
from imagefinder.images.decode import Bytes, Source
from imagefinder.images.files import find_images
from imagefinder.types import Failure

Content: TypeAlias = "Path | bytes | PIL.Image.Image | NDArray[np.generic]"


@dataclass(frozen=True)
class Input:
    """One picture to take in: a file by its absolute path, or a picture in memory."""

    content: Content
    metadata: Mapping[str, Any] | None = None
    """Replaces what is stored for this picture; ``None`` leaves it."""

    @property
    def path(self) -> str | None:
        """Where it lies."""
        return str(self.content) if isinstance(self.content, Path) else None

    @property
    def name(self) -> str:
        """What to call it when it fails."""
        return self.path or "a picture in memory"


Given: TypeAlias = "Source | Input"
"""A file or a folder, the bytes of a picture, an open file, a picture in memory, or an Input."""


def inputs_of(
    pictures: Iterable[Given],
    metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    failures: list[Failure],
) -> Iterator[Input]:
    """Folders become their files; a folder that cannot be listed becomes a failure."""

    def unreadable(error: OSError) -> None:
        failures.append(Failure(str(error.filename), error.strerror or str(error)))

    if isinstance(metadata, Mapping) or metadata is None:
        described: Iterable[tuple[Any, Any]] = ((picture, metadata) for picture in pictures)
    else:
        described = zip(pictures, metadata, strict=True)
    for picture, about in described:
        if isinstance(picture, Input):
            check_metadata(picture.metadata)
            yield picture
            continue
        check_metadata(about)
        if not isinstance(picture, str | os.PathLike):
            yield Input(content(picture), about)
            continue
        path = absolute(picture)
        files = find_images(path, unreadable) if os.path.isdir(path) else [path]
        yield from (Input(file, about) for file in files)


def several(pictures: Any) -> Iterable[Any]:
    """One picture alone is a list of one; an array of four dimensions is a list of pictures."""
    single = isinstance(pictures, str | Bytes | os.PathLike | PIL.Image.Image)
    single = single or isinstance(pictures, Input)
    single = single or (isinstance(pictures, np.ndarray) and pictures.ndim < 4)
    return [pictures] if single or hasattr(pictures, "read") else pictures


def absolute(path: str | os.PathLike[str]) -> Path:
    """Absolute and tidy, but with links as they are: that is what the user calls it.

    Raises NotFound for an empty path, which would be the current folder: in a script it is an unset
    variable.
    """
    if not os.fspath(path):
        raise NotFound("an empty path was given")
    return Path(os.path.abspath(os.path.expanduser(path)))


def is_storable(path: str | None) -> TypeGuard[str]:
    """Whether there is a path, and one that UTF-8 can write; others cannot be in a store."""
    try:
        return bool(path and path.encode())
    except UnicodeEncodeError:
        return False


def check_metadata(metadata: Mapping[str, Any] | None) -> None:
    """Raises ValueError for what JSON, or a store, cannot hold."""
    try:
        json.dumps(metadata and dict(metadata), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"metadata must be such as JSON can hold: {error}") from error


@contextmanager
def naming(picture: object) -> Iterator[None]:
    """An ImageError inside says which file it is about, if the picture is one."""
    try:
        yield
    except ImageError as error:
        if not isinstance(picture, str | os.PathLike):
            raise
        raise type(error)(f"{os.fspath(picture)}: {error}") from error


def content(picture: Any) -> Any:
    """What is read only once becomes bytes."""
    if isinstance(picture, bytearray | memoryview):
        return bytes(picture)
    return picture.read() if hasattr(picture, "read") else picture
