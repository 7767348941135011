"""What became of each URL, and what is known of each image: one SQLite file in the folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeAlias

import apsw

from imagefinder._utils.sqlite import connect
from imagefinder.errors import DownloadError
from imagefinder.images.files import find_images
from imagefinder.images.inputs import Input, absolute

_NAME = ".download.db"  # hidden, so that it is no part of the images
_APPLICATION_ID = 0x494D4744  # "IMGD"
_VERSION = 1
_SCHEMA = """
    CREATE TABLE pictures (
        sha256   BLOB PRIMARY KEY,
        suffix   TEXT NOT NULL,
        size     INTEGER NOT NULL,
        width    INTEGER NOT NULL,
        height   INTEGER NOT NULL,
        metadata TEXT,               -- of the first row of a list that led to it
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
# what is lost when the program is killed is fetched again, so it is written down in batches
_BATCH = 500
_SECONDS = 1.0


@dataclass(frozen=True)
class StoredImage:
    """A content that was fetched."""

    sha256: bytes
    suffix: str
    size: int
    """Bytes."""
    width: int
    height: int

    @property
    def name(self) -> str:
        """Its file, from the folder: made of its content alone, so that no server has a say."""
        text = self.sha256.hex()[:32]
        return f"{text[:2]}/{text}{self.suffix}"


@dataclass(frozen=True)
class Failed:
    """Why a URL gave no image: a word for programs, and a sentence."""

    reason: str
    detail: str


Outcome: TypeAlias = StoredImage | Failed


class Ledger:
    """For one program at a time; killed at any moment, it has what was written down before."""

    def __init__(self, folder: Path) -> None:
        """Opened, or made. Raises DownloadError, also while another program fills the folder."""
        self._folder = folder
        self._noted: dict[str, Outcome] = {}
        self._written = monotonic()
        with _told(folder):
            self._connection = _connected(folder / _NAME)

    def __enter__(self) -> Self:
        """Closes at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Writes down what is noted, and closes."""
        try:
            self.write()
        finally:
            self._connection.close()

    def note(self, url: str, outcome: Outcome) -> None:
        """What became of a URL; written down soon."""
        self._noted[url] = outcome
        if len(self._noted) >= _BATCH or monotonic() - self._written > _SECONDS:
            self.write()

    def write(self) -> None:
        """Write down all that is noted, in one step."""
        with _told(self._folder), self._connection:
            for url, outcome in self._noted.items():
                self._write(url, outcome)
        self._noted.clear()
        self._written = monotonic()

    def outcome(self, url: str) -> Outcome | None:
        """What became of it; ``None`` if it was not tried, or if its file is no longer there."""
        found = self._noted.get(url) or self._found(url)
        return None if isinstance(found, StoredImage) and not self._is_there(found) else found

    def forget_failures(self) -> None:
        """As if the URLs that gave no image had never been tried."""
        with _told(self._folder), self._connection:
            self._connection.execute("DELETE FROM urls WHERE sha256 IS NULL")

    @contextmanager
    def describing(self) -> Iterator[Describe]:
        """Inside, each image of a list is described by the first row that leads to it."""
        with _told(self._folder), self._connection:
            run = 1 + (self._connection.execute("SELECT max(run) FROM pictures").get or 0)
            yield Describe(self._connection, run)

    def _write(self, url: str, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            row: tuple[Any, ...] = (url, None, outcome.reason, outcome.detail)
        else:
            self._connection.execute(
                "INSERT OR IGNORE INTO pictures (sha256, suffix, size, width, height) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    outcome.sha256,
                    outcome.suffix,
                    outcome.size,
                    outcome.width,
                    outcome.height,
                ),
            )
            row = (url, outcome.sha256, None, None)
        self._connection.execute("INSERT OR REPLACE INTO urls VALUES (?, ?, ?, ?)", row)

    def _found(self, url: str) -> Outcome | None:
        with _told(self._folder):
            row = self._connection.execute(
                "SELECT reason, detail, sha256, suffix, size, width, height "
                "FROM urls LEFT JOIN pictures USING (sha256) WHERE url = ?",
                (url,),
            ).fetchone()
        if row is None:
            return None
        reason, detail, *image = row
        return Failed(reason, detail) if image[0] is None else StoredImage(*image)

    def _is_there(self, image: StoredImage) -> bool:
        try:
            return os.stat(f"{self._folder}/{image.name}").st_size == image.size
        except OSError:
            return False


@dataclass(frozen=True)
class Describe:
    """Gives images their metadata, in the run of one list."""

    connection: apsw.Connection
    run: int

    def __call__(self, image: StoredImage, row: int, metadata: Mapping[str, Any]) -> bool:
        """Whether this row is the first of the list that leads to the image."""
        self.connection.execute(
            "UPDATE pictures SET metadata = ?, run = ?, row = ? WHERE sha256 = ? AND run IS NOT ?",
            (json.dumps(metadata, ensure_ascii=False), self.run, row, image.sha256, self.run),
        )
        return bool(self.connection.changes())


def is_filled(folder: str | os.PathLike[str]) -> bool:
    """Whether ``download`` has filled this folder."""
    return os.path.exists(absolute(folder) / _NAME)


def described(folder: str | os.PathLike[str], run: int | None = None) -> Iterator[Input]:
    """The images in a folder that ``download`` filled, with what the lists say of them.

    With a ``run``, as a Summary names it, those of that list alone, in its order. To be given to
    ``Finder.add``. Raises DownloadError.
    """
    root = absolute(folder)
    with _told(root), closing(_connected(root / _NAME)) as connection:
        yield from _all(root, connection) if run is None else _listed(root, connection, run)


def _listed(root: Path, connection: apsw.Connection, run: int) -> Iterator[Input]:
    rows = connection.execute(
        "SELECT sha256, suffix, size, width, height, metadata FROM pictures "
        "WHERE run = ? ORDER BY row, sha256",
        (run,),
    )
    for *image, metadata in rows:
        yield Input(root / StoredImage(*image).name, json.loads(metadata))


def _all(root: Path, connection: apsw.Connection) -> Iterator[Input]:
    for path in find_images(root):
        metadata = connection.execute(
            # by a range of its key: the name holds the first half of the hash
            "SELECT metadata FROM pictures WHERE sha256 >= unhex(?1) AND sha256 < unhex(?1 || ?2)",
            (path.stem, "ff" * 16),
        ).get
        yield Input(path, json.loads(metadata) if metadata else None)


def _connected(path: Path) -> apsw.Connection:
    connection = connect(path, create=True)
    try:
        if not connection.readonly("main"):
            _make_ready(connection, path.name)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_ready(connection: apsw.Connection, name: str) -> None:
    connection.pragma("locking_mode", "EXCLUSIVE")  # one program at a time
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "NORMAL")
    with connection:
        if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
            connection.execute(_SCHEMA)
            connection.pragma("application_id", _APPLICATION_ID)
            connection.pragma("user_version", _VERSION)
        about = connection.pragma("application_id"), connection.pragma("user_version")
    if about != (_APPLICATION_ID, _VERSION):
        raise DownloadError(f"{name} was not made by this version of `imagefinder download`")


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except apsw.BusyError as error:
        raise DownloadError(f"another program is filling {folder}: let it end first") from error
    except apsw.FullError as error:
        raise DownloadError(
            "the disk is full: make room and run it again; nothing fetched is lost"
        ) from error
    except apsw.Error as error:
        raise DownloadError(
            f"{folder / _NAME} cannot be used ({error}); without it, all is fetched again"
        ) from error
