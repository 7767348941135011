"""Inputs: files, folders and images in memory, expanded to single images."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.errors import ImageError, NotFound
from imagefinder.images.decode import Bytes, Source
from imagefinder.images.files import is_utf8, read
from imagefinder.images.limits import Limits
from imagefinder.images.metadata import check_item_id, check_metadata
from imagefinder.images.remote_files import (
    RemoteFile,
    is_remote,
    normalized,
    read_remote,
    remote_images,
)
from imagefinder.images.walk import FolderWalk
from imagefinder.types import Description, Item, Origin, Record

Content: TypeAlias = "Path | RemoteFile | bytes | PIL.Image.Image | NDArray[np.generic]"


@dataclass(frozen=True)
class Input:
    """One image to add: a file by its absolute path or URL, or an image in memory."""

    content: Content
    metadata: Description | None = None
    """Takes the place of what was said of it there; ``None`` leaves that. See ``Entry``."""
    origin: Origin = "added"
    """How its file comes to be stored."""

    @property
    def path(self) -> str | None:
        """The path of a file, or its URL in an object store."""
        if isinstance(self.content, RemoteFile):
            return self.content.url
        return str(self.content) if isinstance(self.content, Path) else None

    def with_item(self, id: str) -> Input:  # noqa: A002  the word that users know
        """With its metadata as those of the item that has this id."""
        return replace(self, metadata=[Item(self.first_metadata, self.path, id)])

    @property
    def items(self) -> Sequence[Item]:
        """What is said of it."""
        if isinstance(self.metadata, Mapping):
            return [Item(self.metadata, self.path)]
        return self.metadata or ()

    @property
    def first_metadata(self) -> Mapping[str, Any]:
        """Those of the first item."""
        return self.items[0].metadata if self.items else {}

    def is_described_in(self, record: Record) -> bool:
        """Whether all that is said of it is in a record already, and nothing else at its places."""
        places = {item.place for item in self.items}
        said = [item for item in self.items if item.metadata]
        return said == [item for item in record.items if item.place in places]

    @property
    def name(self) -> str:
        """Its name in error messages."""
        return self.path or "an image in memory"


Given: TypeAlias = "Source | Input"
"""A file or a folder, the bytes of an image, an open file, an image in memory, or an Input."""


def inputs_of(
    images: Iterable[Given],
    metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    walk: FolderWalk,
    items: Sequence[str] | None = None,
) -> Iterator[Input]:
    """Folders, and URLs of object stores, become the images that a walk finds in them.

    ``items`` are ids of items that these images show.
    """
    if items is None:
        yield from _inputs_of(images, metadata, walk)
        return
    given = list(images)
    each = [metadata] * len(given) if isinstance(metadata, Mapping | None) else metadata
    for image, about, item in zip(given, each, items, strict=True):
        check_item_id(item)
        yield from (one.with_item(item) for one in _inputs_of([image], about, walk))


def _inputs_of(
    images: Iterable[Given],
    metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    walk: FolderWalk,
) -> Iterator[Input]:
    if isinstance(metadata, Mapping) or metadata is None:
        pairs: Iterable[tuple[Any, Any]] = ((image, metadata) for image in images)
    else:
        pairs = _described_once(zip(images, metadata, strict=True))
    for image, about in pairs:
        if isinstance(image, Input):
            yield image  # of a list, in which a bad row must not spoil the others: see ingest
            continue
        check_metadata(about)
        if not isinstance(image, str | os.PathLike):
            yield Input(content(image), about)
            continue
        files: Iterable[Path | RemoteFile]
        if is_remote(image):
            files = _remote(str(image), walk)
        else:
            path = absolute(image)
            files = walk.images(path) if os.path.isdir(path) else [path]
        yield from (Input(file, about) for file in files)


def _described_once(pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """The same. Raises ValueError for a file or bytes with a second description."""
    described: dict[str | bytes, Mapping[str, Any]] = {}
    for image, about in pairs:
        place: str | bytes | None = image if isinstance(image, bytes) else None
        name = "an image in memory"
        if isinstance(image, str | os.PathLike):
            place = name = stored_name(image)
        if place is not None and described.setdefault(place, about) != about:
            raise ValueError(
                f"{name} is given twice, with different metadata: where several things share "
                "an image, name each by an id (items)"
            )
        yield image, about


def _remote(url: str, walk: FolderWalk) -> Iterator[RemoteFile]:
    """The images below a URL; what cannot be listed is one of the walk's errors."""
    try:
        yield from remote_images(url, walk)
    except NotFound as error:
        walk.errors.append(OSError(errno.EIO, str(error), url))


def image_list(images: Any) -> Iterable[Any]:
    """A single image becomes a list of one; an array of four dimensions is a list of images."""
    single = isinstance(images, str | Bytes | os.PathLike | PIL.Image.Image)
    single = single or isinstance(images, Input)
    single = single or (isinstance(images, np.ndarray) and images.ndim < 4)
    return [images] if single or hasattr(images, "read") else images


def absolute(path: str | os.PathLike[str]) -> Path:
    """Absolute and normalized, but with symbolic links unresolved: the name the user knows.

    Raises NotFound for an empty path, which would mean the current folder: in a script it is likely
    an unset variable.
    """
    if not os.fspath(path):
        raise NotFound("the path is empty: name a file or a folder")
    return Path(os.path.abspath(os.path.expanduser(path)))


def stored_name(path: str | os.PathLike[str]) -> str:
    """What a store calls a file or folder: its absolute path, or its URL in an object store."""
    return normalized(str(path)) if is_remote(path) else str(absolute(path))


def read_source(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """The bytes of a file or an object. Raises UnreadableImage or ImageTooLarge."""
    return read_remote(str(path), limits) if is_remote(path) else read(absolute(path), limits)


def is_storable(path: str | None) -> TypeGuard[str]:
    """Whether there is a path that UTF-8 can encode; a store cannot hold others."""
    return path is not None and path != "" and is_utf8(path)


@contextmanager
def naming_errors(image: object) -> Iterator[None]:
    """An ImageError inside is prefixed with the path, if the image is a file."""
    try:
        yield
    except ImageError as error:
        if not isinstance(image, str | os.PathLike):
            raise
        raise type(error)(f"{os.fspath(image)}: {error}") from error


def content(image: Any) -> Any:
    """What can be read only once, as bytes."""
    if isinstance(image, bytearray | memoryview):
        return bytes(image)
    return image.read() if hasattr(image, "read") else image
