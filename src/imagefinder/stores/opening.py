"""The store of a catalogue, chosen by where it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imagefinder.errors import StoreError
from imagefinder.images.inputs import absolute
from imagefinder.registry.plugins import load
from imagefinder.stores.location import LANCE, Location, display, is_url, name_of, store_of
from imagefinder.types import IndexChoice, Properties, Recipe, Store, StoreCopy


def create_store(
    location: Location,
    recipe: Recipe,
    index: IndexChoice | None = None,
    extractor: Recipe | None = None,
) -> Store:
    """A new store. Raises CatalogueExists if there is one, and MissingExtra."""
    made: Store = store_class(location).create(located(location), recipe, index, extractor)
    return made


def open_store(
    location: Location, index: IndexChoice | None = None, version: int | None = None
) -> Store:
    """An existing store, or a version of one that keeps them, to be read alone.

    Raises CatalogueMissing and MissingExtra, among others.
    """
    stores, where = store_class(location), located(location)
    opened: Store
    if version is None:
        opened = stores.open(where, index)
    elif store_of(location) == "lance":
        opened = stores.open(where, index, version=version)
    else:
        raise StoreError(
            f"{display(location)} keeps no older versions, as catalogues in Lance do: leave out "
            "--at, or open a backup"
        )
    return opened


def open_to_copy(location: Location) -> Store:
    """The same, to be read alone; it searches by no kind of index that may not be installed."""
    opened: Store = store_class(location).open(located(location), IndexChoice(), read_only=True)
    return opened


def begin_copy(location: Location, properties: Properties, source: Location) -> StoreCopy:
    """A store at a location that becomes the copy of a source; see Copyable."""
    begun: StoreCopy = store_class(location).begin_copy(
        located(location), properties, display(source)
    )
    return begun


def exists(location: Location) -> bool:
    """Whether there is a catalogue."""
    return bool(store_class(location).exists(located(location)))


def store_class(location: Location) -> type[Any]:
    """The class of the store that is, or would be, at this place."""
    return load("stores", store_of(location))


def located(location: Location) -> Path | str:
    """An absolute path, or the URL as it is."""
    return os.fspath(location) if is_url(location) else absolute(location)


def file_at(location: Location, purpose: str) -> Path:
    """The absolute path of a catalogue that must be a file. Raises StoreError for another store."""
    if store_of(location) != "sqlite":
        name = name_of(location).removesuffix(LANCE)
        raise StoreError(f"{purpose} must be a file: name one, such as {name}.db")
    return absolute(location)
