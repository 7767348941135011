"""Locations of an image: its files, links to these, and paths that are gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from imagefinder.images.remote_files import is_remote
from imagefinder.types import File, Record

_Identity: TypeAlias = tuple[int, int]  # device and inode


@dataclass(frozen=True)
class Location:
    """One path of an image, as it is now."""

    path: str
    state: Literal["file", "link", "gone"]
    target: str | None = None
    """For a link (symbolic, hard, through a linked folder or a bind mount): the path of the image
    that is the same file."""


def locations(record: Record) -> list[Location]:
    """All paths of an image: its distinct files first, then links to these, then those gone.

    A path that cannot be examined is taken for a file.
    """
    first: dict[_Identity, str] = {}
    found = []
    for file in sorted(record.files, key=_is_indirect):
        identity = _identity(file.path)
        if identity is None:
            found.append(Location(file.path, "gone"))
        elif identity in first:
            found.append(Location(file.path, "link", first[identity]))
        else:
            if identity != _UNKNOWN:
                first[identity] = file.path
            found.append(Location(file.path, "file"))
    return sorted(found, key=lambda location: (_ORDER[location.state], location.path))


def count_files(record: Record) -> int:
    """How many distinct files there are now; links to these do not count."""
    if len(record.files) == 1:
        return int(_identity(record.files[0].path) is not None)
    return sum(location.state == "file" for location in locations(record))


def living_first(record: Record, folders: Sequence[str] = ()) -> Record:
    """The same image, with the paths that exist first, and of these the ones in the folders."""
    if len(record.files) < 2:
        return record
    states = {location.path: location.state for location in locations(record)}

    def rank(file: File) -> tuple[bool, bool, bool, str]:
        state = states[file.path]
        is_inside = any(PurePath(file.path).is_relative_to(folder) for folder in folders)
        return state == "gone", not is_inside, state == "link", file.path

    return replace(record, files=tuple(sorted(record.files, key=rank)))


_ORDER = {"file": 0, "link": 1, "gone": 2}
_UNKNOWN: _Identity = (-1, -1)


def _identity(path: str) -> _Identity | None:
    """The device and the inode; None if there is certainly no file."""
    if is_remote(path):
        return _UNKNOWN  # nobody has asked for it
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):  # no permission, or the disk is away
        return _UNKNOWN
    return status.st_dev, status.st_ino


def _is_indirect(file: File) -> tuple[bool, bool, str]:
    """Sorts symbolic links behind what they lead to."""
    real = os.path.realpath(file.path)
    return Path(file.path).is_symlink(), real != file.path, file.path
