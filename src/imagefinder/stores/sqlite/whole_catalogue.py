"""A catalogue that appears whole or not at all: made under a temporary name, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagefinder._utils.text import one_line
from imagefinder.errors import CatalogueExists, StoreError
from imagefinder.stores.cache_files import remove_stale_caches
from imagefinder.stores.location import check_folder
from imagefinder.stores.sqlite.atomic_database import BESIDE, atomic_database
from imagefinder.stores.sqlite.store import SqliteStore


@contextmanager
def whole_catalogue(path: Path) -> Iterator[Path]:
    """Where to make the catalogue, and to close it: it is renamed to ``path`` at the end.

    Raises CatalogueExists or NotACatalogue if something is there, now or then, and StoreError.
    """
    check_free(path)
    try:
        with atomic_database(path) as unfinished:
            with _named(path, unfinished):
                yield unfinished
                _check_closed(unfinished)
            check_free(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {one_line(error)}") from error
    remove_stale_caches(path)


@contextmanager
def _named(path: Path, unfinished: Path) -> Iterator[None]:
    """Errors about the temporary name are about the path."""
    try:
        yield
    except StoreError as error:
        raise type(error)(str(error).replace(unfinished.name, path.name)) from error


def check_free(path: Path) -> None:
    """Raises StoreError unless a catalogue can be made at a path."""
    check_folder(path)
    if SqliteStore.exists(path):
        SqliteStore.open(path).close()  # or it raises what else the file is
        raise CatalogueExists(f"{path} already exists: choose another path, or remove it first")
    for ending in BESIDE:  # SQLite would take it for a part of the new one
        stray = path.with_name(f"{path.name}{ending}")
        if os.path.lexists(stray):
            raise StoreError(f"{stray} is left from another catalogue: choose another path")


def _check_closed(database: Path) -> None:
    """SQLite keeps the log of a database that it could not write completely."""
    if database.with_name(f"{database.name}-wal").exists():
        raise StoreError("the disk is full: free some space and try again")
