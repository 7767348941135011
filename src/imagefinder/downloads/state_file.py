"""State file: the SQLite database in a folder of downloads, and its earlier versions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import apsw

from imagefinder._utils.sqlite import connect
from imagefinder.downloads import results_file
from imagefinder.errors import DownloadError
from imagefinder.images.inputs import absolute

NAME = ".download.db"  # hidden, so that it is not taken for an image
_APPLICATION_ID = 0x494D4744  # "IMGD"
_VERSION = 2
_SCHEMA = """
    CREATE TABLE pictures (
        sha256   BLOB PRIMARY KEY,
        suffix   TEXT NOT NULL,
        size     INTEGER NOT NULL,
        width    INTEGER NOT NULL,
        height   INTEGER NOT NULL,
        metadata TEXT,               -- of the rows of a list that led to it: an object, or several
        run      INTEGER,            -- the last list in which it was, and its first row there
        row      INTEGER
    ) WITHOUT ROWID;

    CREATE TABLE urls (
        url    TEXT PRIMARY KEY,
        sha256 BLOB REFERENCES pictures,
        reason TEXT,                 -- why there is no image
        detail TEXT
    ) WITHOUT ROWID;
"""
_SECOND = """
    ALTER TABLE pictures ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;  -- by another, at its URL
    ALTER TABLE urls ADD COLUMN etag TEXT;       -- of the response, to ask whether it has changed
    ALTER TABLE urls ADD COLUMN modified TEXT;
    ALTER TABLE urls ADD COLUMN policy INTEGER;  -- under which it failed
    CREATE TABLE policies (id INTEGER PRIMARY KEY, settings TEXT NOT NULL UNIQUE);
    CREATE TABLE lists (id INTEGER PRIMARY KEY, path BLOB UNIQUE);  -- none: of version 1
    CREATE TABLE listed (sha256 BLOB, list INTEGER, PRIMARY KEY (sha256, list)) WITHOUT ROWID;
    CREATE TABLE outputs (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;   -- what we wrote as results.csv
    CREATE TABLE folder (id TEXT NOT NULL);                         -- part of temporary names
    INSERT INTO lists (id) SELECT DISTINCT run FROM pictures WHERE run IS NOT NULL;
    INSERT INTO listed SELECT sha256, run FROM pictures WHERE run IS NOT NULL;
    DELETE FROM urls WHERE sha256 IS NULL;       -- version 1 respelled URLs
"""


def open_state(folder: Path, *, create: bool = False) -> apsw.Connection:
    """A connection, exclusive where the file may be written. Raises DownloadError or apsw.Error."""
    connection = connect(folder / NAME, create=create)
    try:
        _version(connection, folder)  # before anything of another program's file is changed
        if not connection.readonly("main"):
            connection.pragma("locking_mode", "EXCLUSIVE")  # one program at a time
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", "NORMAL")
            with connection:
                _upgrade(connection, folder, _version(connection, folder))
    except BaseException:
        connection.close()
        raise
    return connection


def is_current(connection: apsw.Connection) -> bool:
    """Whether it has the tables of this version; a file that may only be read keeps its own."""
    return bool(connection.pragma("user_version") == _VERSION)


def _version(connection: apsw.Connection, folder: Path) -> int:
    """0 for a new file. Raises DownloadError for a database of something else."""
    version = int(connection.pragma("user_version"))
    application = connection.pragma("application_id")
    is_new = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if not (is_new and (application, version) == (0, 0)):
        if application != _APPLICATION_ID or not version:
            raise DownloadError(
                f"{folder / NAME} is not a file of ImageFinder: download into another folder"
            )
        if version > _VERSION:
            raise DownloadError(
                f"{folder / NAME} was written by a newer version of ImageFinder: upgrade, or use "
                "another folder"
            )
    return version


def _upgrade(connection: apsw.Connection, folder: Path, version: int) -> None:
    if version < 1:
        connection.execute(_SCHEMA)
        connection.pragma("application_id", _APPLICATION_ID)
    if version < _VERSION:
        connection.execute(_SECOND)
        connection.execute("INSERT INTO folder VALUES (?)", (token_hex(8),))
        results = folder / results_file.NAME
        if version and results_file.is_results(results):
            record_output(connection, results_file.digest_of(results))
        connection.pragma("user_version", _VERSION)


def record_output(connection: apsw.Connection, digest: bytes) -> None:
    """From now on a ``results.csv`` with this content is known to be ours."""
    connection.execute("INSERT OR IGNORE INTO outputs VALUES (?)", (digest,))


def is_filled(folder: str | os.PathLike[str]) -> bool:
    """Whether this folder was filled by ``download``."""
    return os.path.exists(absolute(folder) / NAME)


@contextmanager
def translate_errors(folder: Path) -> Iterator[None]:
    """SQLite's errors as DownloadError."""
    try:
        yield
    except apsw.BusyError as error:
        raise DownloadError(f"{folder} is in use by another program: wait until it ends") from error
    except apsw.FullError as error:
        raise DownloadError(
            "the disk is full: free some space and run the command again; no download is lost"
        ) from error
    except apsw.Error as error:
        raise DownloadError(
            f"{folder / NAME} cannot be used ({error}); move it away to download everything again"
        ) from error
