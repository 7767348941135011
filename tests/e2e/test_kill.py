"""A program that is killed at any moment leaves a catalogue that the next run makes whole."""

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from .program import answer, run_in, started, until

KILLS = 6
TABLES = {
    "catalogue": "name",
    "images": "key",
    "files": "path",
    "vectors": "key, row",
    "signatures": "key",
}

Content: TypeAlias = dict[str, list[Any]]


def content(catalogue: Path) -> Content:
    """Everything that a catalogue says, in order of its keys; and it is sound."""
    with closing(sqlite3.connect(catalogue)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("DELETE FROM catalogue WHERE name = 'id'")  # each has its own
        connection.execute("UPDATE images SET version = 0, checksum = 0")  # the time of the write
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()
            for table, key in TABLES.items()
        }


def left_behind(catalogue: Path, scratch: Path) -> int:
    """How many images a killed run stored, read from a copy so that the next run finds all
    as it was left.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for file in catalogue.parent.glob(f"{catalogue.name}*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, scratch)
    copy = scratch / catalogue.name
    if not copy.exists() or not copy.stat().st_size:
        return 0
    with closing(sqlite3.connect(copy)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if "images" not in tables:
            return 0
        count: int = connection.execute("SELECT count(*) FROM images").fetchone()[0]
        return count


def size(catalogue: Path) -> int:
    """Bytes in the catalogue's files: it grows with every commit, however fast the machine is."""
    files = (catalogue, catalogue.with_name(f"{catalogue.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_can_simply_be_repeated(
    gallery: Path, images: list[Path], tmp_path: Path
) -> None:
    report = answer(run_in(tmp_path, "add", gallery, "--db", "whole.db", "--json"))
    assert report["added"] == len(images)
    whole = content(tmp_path / "whole.db")
    whole_size = size(tmp_path / "whole.db")

    moments = random.Random(8)
    killed_midway, catalogues, catalogue = 0, 1, tmp_path / "killed-1.db"
    for _ in range(KILLS):
        left = max(whole_size - size(catalogue), whole_size / 4)
        enough = size(catalogue) + moments.random() * left
        with started(tmp_path, "add", gallery, "--db", catalogue) as process:
            until(lambda: size(catalogue) >= enough or process.poll() is not None)  # noqa: B023
            time.sleep(moments.uniform(0, 0.1))  # so that a kill falls between commits, too
            process.kill()
        stored = left_behind(catalogue, tmp_path / "scratch")
        killed_midway += 0 < stored < len(images)
        if stored == len(images):  # all was done: it goes on with a fresh one
            assert content(catalogue) == whole
            catalogues += 1
            catalogue = tmp_path / f"killed-{catalogues}.db"

    assert killed_midway >= 2
    for number in range(1, catalogues + 1):
        catalogue = tmp_path / f"killed-{number}.db"
        answer(run_in(tmp_path, "add", gallery, "--db", catalogue, "--json"))
        assert content(catalogue) == whole
