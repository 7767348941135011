"""A database that is written under a temporary name, and leaves no file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.temporary_names import temporary_names_in

BESIDE = ("-wal", "-shm")
"""What SQLite adds to the name of a database for the files that it keeps beside it."""


@contextmanager
def atomic_database(path: Path) -> Iterator[Path]:
    """``atomic_write`` of a database, which must be closed before the end.

    SQLite leaves its files beside a database that it could not write or that was not closed, as in
    a program that was killed: they are removed. Raises OSError.
    """
    with atomic_write(path) as unfinished:
        _remove_abandoned(path)
        try:
            yield unfinished
        finally:
            for ending in BESIDE:
                unfinished.with_name(f"{unfinished.name}{ending}").unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    """What SQLite kept beside the temporary files of killed programs, which are gone."""
    for name in temporary_names_in(path.parent):
        for ending in BESIDE:
            database = name.path.with_name(name.path.name.removesuffix(ending))
            if name.target == f"{path.name}{ending}" and not database.exists():
                name.path.unlink(missing_ok=True)
