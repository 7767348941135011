from pathlib import Path

import apsw
import pytest

from imagefinder.stores.sqlite.atomic_database import atomic_database


def write_with_log(path: Path) -> apsw.Connection:
    """A database with a log beside it, as one that could not be closed properly."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "WAL")
    connection.execute("CREATE TABLE a (b)")
    assert path.with_name(f"{path.name}-wal").exists()
    return connection


def test_nothing_is_left_of_a_database_that_could_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), atomic_database(tmp_path / "c.db") as unfinished:
        connection = write_with_log(unfinished)
        raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == []
    connection.close()


def test_what_killed_programs_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".12-ab12cd34-c.db-wal", ".12-ab12cd34-c.db-shm"):
        (tmp_path / name).touch()
    theirs = {".12-ab12cd34-other.db-wal", ".20261127-20261126-c.db-wal", "c.db-wal.removed-1"}
    for name in theirs:
        (tmp_path / name).touch()
    with atomic_database(tmp_path / "c.db") as unfinished:
        apsw.Connection(str(unfinished)).close()
    assert {file.name for file in tmp_path.iterdir()} == theirs | {"c.db"}
