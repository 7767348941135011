"""Care of a catalogue's file: a copy of it while others write, and free pages given back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from imagefinder.errors import CatalogueDamaged, CatalogueExists, StoreError
from imagefinder.stores.sqlite import properties
from imagefinder.stores.sqlite.atomic_database import atomic_database
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.damage import find_damage


def back_up(connections: Connections, source: Path, target: Path, force: bool) -> int:
    """See ``Store.backup``. Where a link leads is replaced, as by all commands, not the link."""
    target = Path(os.path.realpath(target))
    _check_target(source, target, force)
    with connections.reading() as connection:
        if target.exists() and _id_of(target) == properties.select_properties(connection)["id"]:
            _check_intact(connection, source, "it was not backed up")
            _restore(connection, target)
        else:
            _check_unused(target)
            with atomic_database(target) as unfinished, new_file(unfinished) as copy:
                copy_pages(connection, copy)
                _check_intact(copy, source, "it was not backed up")
        return _size(connection)


def vacuum(connections: Connections, path: Path) -> int:
    """See ``Store.vacuum``."""
    with connections.reading() as connection:
        _check_intact(connection, path, "its free pages stay")
        before = _size(connection)
    with connections.alone() as connection:
        connection.execute("VACUUM")
        connection.pragma("wal_checkpoint", "TRUNCATE")
        return before - _size(connection)


def copy_pages(source: apsw.Connection, target: apsw.Connection) -> None:
    """Make a database equal to another, in one transaction."""
    with target.backup("main", source, "main") as backup:
        backup.step()


@contextmanager
def new_file(path: Path) -> Iterator[apsw.Connection]:
    """A new database, without files beside it: it is whole when it gets its name."""
    connection = apsw.Connection(str(path))
    try:
        connection.pragma("journal_mode", "OFF")
        connection.pragma("synchronous", "OFF")
        yield connection
    finally:
        connection.close()


def _check_target(source: Path, target: Path, force: bool) -> None:
    if not target.parent.is_dir():
        raise StoreError(f"cannot write {target.name}: there is no folder {target.parent}")
    if not target.exists():
        return
    if target.samefile(source):
        raise StoreError(f"{target} is the catalogue itself: choose another path")
    if not force or not target.is_file():
        raise CatalogueExists(
            f"{target} already exists: choose another path, or add --force to replace it"
        )


def _id_of(target: Path) -> object:
    """The id of the catalogue that is there; None if it is none that can be read."""
    try:
        with closing(Connections(target)) as connections, connections.reading() as connection:
            return properties.select_properties(connection).get("id")
    except StoreError:
        return None


def _restore(connection: apsw.Connection, target: Path) -> None:
    """Copy over another state of the same catalogue, as one write: others may have it open."""
    with closing(Connections(target)) as connections, connections.alone() as copy:
        copy_pages(connection, copy)


def _check_unused(target: Path) -> None:
    log = target.with_name(f"{target.name}-wal")
    if log.exists():  # SQLite would apply it to the copy
        raise StoreError(
            f"{target} is open in another program, or was when one was killed: "
            f"choose another path, or move it and {log.name} away"
        )


def _check_intact(connection: apsw.Connection, path: Path, consequence: str) -> None:
    for damage in find_damage(connection):
        raise CatalogueDamaged(
            f"{path.name} is damaged ({damage.what}), so {consequence}: run imagefinder check"
        )


def _size(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count")) * int(connection.pragma("page_size"))
