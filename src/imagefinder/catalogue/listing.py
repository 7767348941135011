"""Listings: the images of a catalogue in an order, those in a folder, with a text or metadata."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from imagefinder.stores.items import items_of
from imagefinder.stores.path_range import path_range
from imagefinder.types import ImageColumn, Keys, Store

Sort: TypeAlias = Literal["added", "date", "name", "size"]
"""By the order of adding, the time of the file, the name of the file, or its bytes."""
Names: TypeAlias = "Callable[[], Mapping[int, str]]"
"""The names, by keys, of images that have no files: of what was uploaded and is not kept."""


@dataclass(frozen=True)
class Listing:
    """Which images, and in which order; images of equal rank in order of their keys."""

    sort: Sort = "added"
    descending: bool = True
    folder: str | None = None
    text: str = ""
    """Words, each of which is in the name of the file or in the metadata, in any case."""
    where: Mapping[str, Any] | None = None

    def keys(self, store: Store, names: Names = dict) -> Keys:
        """All of them. Reads a value of every image in the catalogue."""
        keys = self._sorted(store, names)
        if self.folder or self.where:
            keys = keys[np.isin(keys, store.select(self._folders, self.where))]
        for word in self.text.casefold().split():
            keys = keys[np.isin(keys, _with_word(store, word, names))]
        return keys

    @property
    def _folders(self) -> list[str]:
        return [self.folder] if self.folder else []

    def _sorted(self, store: Store, names: Names) -> Keys:
        column, rank = _RANKS[self.sort]
        keys, values = _paths(store, names) if column == "path" else store.column(column)
        ranks = rank(values)
        order = np.argsort(-ranks if self.descending else ranks, kind="stable")
        everything = store.select()
        order = order[np.isin(keys[order], everything)]  # names may be another catalogue's
        # images without files, or without names, come last
        others = everything[~np.isin(everything, keys)]
        return np.concatenate([keys[order], others])


def folders_in(store: Store, parent: str | None = None) -> dict[str, int]:
    """The folders in one, or those that the images lie in, each with its number of images.

    Folders on the way to the first choice are left out: the first ones are those below the folder
    that all have in common. Each image counts by its first file.
    """
    _, paths = store.column("path")
    within = paths if parent is None else [path for path in paths if _is_in(path, parent)]
    start = parent or _common_folder(within)
    counts = Counter(filter(None, (_child(path, start) for path in within)))
    return dict(sorted(counts.items(), key=lambda item: item[0].casefold()))


def _is_in(path: str, folder: str) -> bool:
    after, end = path_range(folder)
    return after < path < end


def _common_folder(paths: list[str]) -> str:
    """Of the first and the last path, and so of all between them."""
    if not paths:
        return ""
    folder = min(paths).rpartition(os.sep)[0]
    while folder and not max(paths).startswith(folder + os.sep):
        folder = folder.rpartition(os.sep)[0]
    return folder


def _child(path: str, folder: str) -> str | None:
    """The folder in ``folder`` that a path lies in, if it is not in ``folder`` itself."""
    start = len(path_range(folder)[0]) if folder else 0
    end = path.find(os.sep, start + (not folder))
    return None if end < 0 else path[:end]


def _numbers(values: list[Any]) -> Keys:
    return np.asarray(values, np.int64)


def _ranks_of_names(paths: list[str]) -> Keys:
    """Ranks in the order of the file names, whatever their case."""
    names = [_name(path).casefold() for path in paths]
    rank = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.asarray([rank[name] for name in names], np.int64)


_RANKS: dict[Sort, tuple[ImageColumn, Callable[[list[Any]], Keys]]] = {
    "added": ("added", _numbers),
    "date": ("date", _numbers),
    "name": ("path", _ranks_of_names),
    "size": ("size", _numbers),
}


def _name(path: str) -> str:
    return path.rpartition(os.sep)[2]


def _metadata(text: str) -> str:
    """Those in what a store keeps; not the paths of items, which not everybody may know."""
    if not text.startswith("["):
        return text
    return json.dumps([dict(item.metadata) for item in items_of(text)], ensure_ascii=False)


def _paths(store: Store, names: Names) -> tuple[Keys, list[str]]:
    """The path of each image that has one, and the names of others."""
    keys, paths = store.column("path")
    known = set(keys.tolist())
    others = {key: name for key, name in names().items() if key not in known}
    return np.append(keys, np.array([*others], np.int64)), [*paths, *others.values()]


def _with_word(store: Store, word: str, names: Names) -> Keys:
    """The images that have a word, or a part of one, in their name or metadata."""
    keys, texts = store.column("metadata")
    escaped = json.dumps(word, ensure_ascii=False)[1:-1]
    by_metadata = keys[[escaped in _metadata(text).casefold() for text in texts]]
    keys, paths = _paths(store, names)
    by_name = keys[[word in _name(path).casefold() for path in paths]]
    return np.union1d(by_metadata, by_name)
