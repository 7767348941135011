"""The health of a catalogue: what is damaged, and which intact files have the images still."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._utils.open_databases import is_open_database
from imagefinder.catalogue import contents
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.images.inputs import Input
from imagefinder.stores.location import Location
from imagefinder.stores.opening import located, store_class
from imagefinder.types import Item, Report, id_of, key_of

if TYPE_CHECKING:
    from imagefinder.stores.damage import Damage
    from imagefinder.stores.sqlite.repair import Salvage


@dataclass(frozen=True)
class Finding:
    """Something that is damaged."""

    what: str
    id: str | None = None
    """Of the image that it belongs to, where that is known."""
    source: str | None = None
    """An intact file with the image, from which it can be had again."""


@dataclass(frozen=True)
class Repairs:
    """What a repair did."""

    found: Sequence[Finding]
    """What was damaged."""
    kept: str | None
    """A copy of the catalogue as it was; none if nothing was damaged."""
    encoded: Report
    """Of the images that were encoded again."""
    checksums: int
    """How many rows of versions without checksums have one now."""

    @property
    def lost(self) -> list[Finding]:
        """What could not be had again, and is in the kept copy alone."""
        return [one for one in self.found if one.source is None]


def check(path: str | os.PathLike[str]) -> list[Finding]:
    """Everything that is damaged in the catalogue at a path; see ``Finder.check``."""
    found: list[Damage] = store_class(path).check(located(path))
    return _findings(found, _intact_files(found))


def repair(path: str | os.PathLike[str]) -> Repairs:
    """Make a catalogue intact again; see ``Finder.repair``."""
    target, store = located(path), store_class(path)
    found: list[Damage] = store.check(target)
    files = _intact_files(found)
    kept, encoded = None, Report()
    if found:
        salvage: Salvage = store.salvage(target, found)
        kept, encoded = str(salvage.kept), _encode_again(target, files, salvage.items)
    return Repairs(_findings(found, files), kept, encoded, store.add_checksums(target))


def _encode_again(
    path: Location, files: Mapping[int, Sequence[str]], items: Mapping[int, Sequence[Item]]
) -> Report:
    images = [
        # None: an image that was not taken out keeps what is said of it
        Input(Path(file), _said(own, items[key]) if key in items and file == own[0] else None)
        for key, own in files.items()
        for file in own
    ]
    with Catalogue.open(path) as catalogue:
        return contents.add(catalogue, images)


def _said(files: Sequence[str], items: Sequence[Item]) -> list[Item]:
    """What is to be said of an image that has these files alone."""
    return [
        Item(one.metadata, one.path if one.path in files else files[0], one.id) for one in items
    ]


def _findings(found: Iterable[Damage], files: Mapping[int, Sequence[str]]) -> list[Finding]:
    return [
        Finding(one.what)
        if one.key is None
        else Finding(one.what, id_of(one.key), next(iter(files[one.key]), None))
        for one in found
    ]


def _intact_files(found: Iterable[Damage]) -> dict[int, list[str]]:
    """Of each damaged image those recorded files that have its content."""
    paths: dict[int, set[str]] = {}
    for one in found:
        if one.key is not None:
            paths.setdefault(one.key, set()).update(one.paths)
    return {
        key: [path for path in sorted(own) if _key_of_file(path) == key]
        for key, own in paths.items()
    }


def _key_of_file(path: str) -> int | None:
    if is_open_database(path):
        return None
    try:
        with open(path, "rb") as file:
            return key_of(hashlib.file_digest(file, "sha256").digest())
    except (OSError, ValueError):
        return None
