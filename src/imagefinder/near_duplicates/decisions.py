"""Decisions about near-duplicates: images of which someone has said that they are none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from imagefinder.catalogue.metadata import change_metadata
from imagefinder.errors import NotFound
from imagefinder.images.inputs import is_storable, stored_name
from imagefinder.types import Store, id_of, key_from

_NAME = "not duplicates"


@dataclass(frozen=True)
class Decisions:
    """Sets of images no two of which are duplicates of each other."""

    sets: tuple[frozenset[int], ...] = ()
    """Keys of images."""

    def part(self, one: int, other: int) -> bool:
        """Whether two images have been said to be no duplicates."""
        return any(one in keys and other in keys for keys in self.sets)

    @property
    def ids(self) -> list[list[str]]:
        """The same as image ids, in order."""
        return [[id_of(key) for key in sorted(keys)] for keys in self.sets]


def decisions(store: Store) -> Decisions:
    """All that were remembered, but for images that have been removed since."""
    return _parsed(store, store.get_metadata(_NAME))


def remember(store: Store, images: Iterable[str]) -> Decisions:
    """Remember that images, given by ids or paths, are no duplicates of each other.

    Gives all decisions. Raises NotFound for an image that is not in the catalogue, and ValueError
    for fewer than two.
    """
    keys = frozenset(_keys(store, images))
    if len(keys) < 2:
        raise ValueError("name two images or more that are no duplicates of each other")

    def added(known: Decisions) -> Decisions:
        others = [one for one in known.sets if not one <= keys]
        covered = any(keys <= one for one in others)
        return Decisions((*others, *(() if covered else (keys,))))

    return _change(store, added)


def withdraw(store: Store, images: Iterable[str]) -> Decisions:
    """Take back the decision on just these images, and no other; gives those that stay.

    Raises NotFound for an image that is not in the catalogue.
    """
    keys = frozenset(_keys(store, images))
    return _change(store, lambda known: Decisions(tuple(one for one in known.sets if one != keys)))


def forget(store: Store, images: Iterable[str] = ()) -> Decisions:
    """Take back the decisions that name any of these images, or all; gives those that stay.

    Raises NotFound for an image that is not in the catalogue.
    """
    keys = set(_keys(store, images))

    def reduced(known: Decisions) -> Decisions:
        return Decisions(tuple(one for one in known.sets if keys and not one & keys))

    return _change(store, reduced)


def _keys(store: Store, images: Iterable[str]) -> list[int]:
    return [_key(store, image) for image in images]


def _key(store: Store, image: str) -> int:
    path = stored_name(image)
    stored = store.lookup_paths([path]).get(path) if is_storable(path) else None
    key = stored.key if stored else key_from(image)
    if key is None or not store.get([key]):
        raise NotFound(f"there is no image {image} in the catalogue: give ids or paths")
    return key


def _change(store: Store, change: Callable[[Decisions], Decisions]) -> Decisions:
    change_metadata(store, _NAME, lambda text: _formatted(change(_parsed(store, text))))
    return decisions(store)


def _parsed(store: Store, text: str | None) -> Decisions:
    stored = [[key_from(id_) for id_ in ids] for ids in json.loads(text or "[]")]
    there = store.get([key for keys in stored for key in keys if key is not None])
    sets = [frozenset(key for key in keys if key in there) for keys in stored]
    return Decisions(tuple(one for one in sets if len(one) > 1))


def _formatted(known: Decisions) -> str:
    return json.dumps(known.ids)
