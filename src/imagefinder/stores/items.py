"""The text in which a store keeps what is said of an image: one item, or several that share it.

Mostly it is the metadata, a JSON object: of the image's first file by path, or of the image that
was given in memory. Else it is a JSON list of items, each with its metadata, path and id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from imagefinder._utils.merge_patch import merged
from imagefinder.types import Entry, File, Item, Record

NOTHING = "{}"
"""The text of an image of which nothing is said."""


def described(about: Sequence[Any], files: Sequence[File], text: str) -> Record:
    """The record of an image, with its files in order of their paths, and what the text says.

    ``about`` are its key, SHA-256, size, width and height.
    """
    said = json.loads(text)
    several = tuple(map(_item, said)) if isinstance(said, list) else ()
    metadata = several[0].metadata if several else said
    key, sha256, size, width, height = about
    return Record(key, sha256, size, width, height, tuple(files), metadata, several)


def text_of(record: Record) -> str:
    """What is said of a record, as its store has it."""
    if record.several:
        return _listed(record.several)
    return _dumped(dict(record.metadata))


def items_of(text: str, paths: Collection[str] = ()) -> list[Item]:
    """The items of an image that has these paths."""
    said = json.loads(text)
    if isinstance(said, list):
        return list(map(_item, said))
    return [Item(said, _first(paths))] if said else []


def updated(text: str, paths: Collection[str], entry: Entry) -> str:
    """The text once an entry is written to an image that has these paths so far."""
    before = items_of(text, paths)
    given = _given(entry)
    if entry.revision == "merge":
        given = _merged(before, given)
    own = [file.path for file in entry.record.files] if entry.revision is None else []
    if isinstance(entry.metadata, Mapping):
        replaced: set[tuple[str | None, str | None]] = {(path, None) for path in own or (None,)}
    else:
        replaced = {item.place for item in given}
    after = [item for item in before if item.place not in replaced]
    after += [item for item in given if item.metadata]
    text = _text(after, {*paths, *own})
    return text if entry.revision is None else settled(text, paths)


def settled(text: str, paths: Collection[str]) -> str:
    """The text once an image has these paths alone.

    What was said of files that are gone is said of a file that nothing is said of: it may have been
    moved there. It goes with them if there is none.
    """
    if not text.startswith("["):
        return text
    items = items_of(text, paths)
    kept = [item for item in items if item.path is None or item.path in paths]
    silent: list[str | None] = [*sorted(set(paths) - {item.path for item in kept})]
    gone = dict.fromkeys(item.path for item in items if item not in kept)
    if not paths and all(item.path for item in kept):
        silent = [None]  # it was given in memory as well
    homes = dict(zip(gone, silent, strict=False))
    kept += [Item(item.metadata, homes[item.path], item.id) for item in items if item.path in homes]
    return _text(kept, paths)


def _given(entry: Entry) -> list[Item]:
    if isinstance(entry.metadata, Mapping):
        return [Item(entry.metadata, entry.record.path)]
    return list(entry.metadata or ())


def _merged(before: Iterable[Item], patches: Iterable[Item]) -> list[Item]:
    """The items at the places of patches, with these."""
    said = {item.place: item.metadata for item in before}
    return [
        replace(patch, metadata=merged(said.get(patch.place, {}), patch.metadata))
        for patch in patches
    ]


def _text(items: Iterable[Item], paths: Collection[str]) -> str:
    ordered = sorted(items, key=_order)
    if not ordered:
        return NOTHING
    if len(ordered) == 1 and ordered[0].place == (_first(paths), None):
        return _dumped(dict(ordered[0].metadata))
    return _listed(ordered)


def _order(item: Item) -> tuple[Any, ...]:
    return item.path is None, item.path or "", item.id is not None, item.id or ""


def _first(paths: Collection[str]) -> str | None:
    return min(paths, default=None)


def _item(said: Mapping[str, Any]) -> Item:
    return Item(said["metadata"], said.get("path"), said.get("id"))


def _listed(items: Iterable[Item]) -> str:
    return _dumped([_without_none(item) for item in items])


def _without_none(item: Item) -> dict[str, Any]:
    about = {"path": item.path, "id": item.id, "metadata": dict(item.metadata)}
    return {name: value for name, value in about.items() if value is not None}


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
