"""The health of a catalogue: what is damaged, and which intact files have the images still."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from imagefinder.images.inputs import absolute
from imagefinder.registry.plugins import load
from imagefinder.types import Damage, id_of, key_of


@dataclass(frozen=True)
class Finding:
    """Something that is damaged."""

    what: str
    id: str | None = None
    """Of the image that it belongs to, where that is known."""
    source: str | None = None
    """An intact file with the image, from which it can be had again."""


def check(path: str | os.PathLike[str]) -> list[Finding]:
    """Everything that is damaged in the catalogue at a path; see ``Finder.check``."""
    found: list[Damage] = load("stores", "sqlite").check(absolute(path))
    sources = {key: _intact(key, paths) for key, paths in _paths(found).items()}
    return [
        Finding(one.what)
        if one.key is None
        else Finding(one.what, id_of(one.key), sources[one.key])
        for one in found
    ]


def _paths(found: Iterable[Damage]) -> dict[int, set[str]]:
    """The recorded paths of each image that is damaged."""
    paths: dict[int, set[str]] = {}
    for one in found:
        if one.key is not None:
            paths.setdefault(one.key, set()).update(one.paths)
    return paths


def _intact(key: int, paths: Iterable[str]) -> str | None:
    """The first of the files whose content has this key."""
    return next((path for path in sorted(paths) if _key_of_file(path) == key), None)


def _key_of_file(path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            return key_of(hashlib.file_digest(file, "sha256").digest())
    except (OSError, ValueError):
        return None
