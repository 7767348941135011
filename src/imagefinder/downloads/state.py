"""Download state: the outcome of each URL and the metadata of each image, in one SQLite file."""

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
from imagefinder.images.inputs import Input, absolute
from imagefinder.images.walk import find_images

_NAME = ".download.db"  # hidden, so that it is not taken for an image
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
# what is lost when the program is killed is only fetched again, so outcomes are written in batches
_BATCH = 500
_SECONDS = 1.0


@dataclass(frozen=True)
class StoredImage:
    """An image that was downloaded."""

    sha256: bytes
    suffix: str
    size: int
    """Bytes."""
    width: int
    height: int

    @property
    def name(self) -> str:
        """Its path within the folder: derived from its content, never from a server or a URL."""
        text = self.sha256.hex()[:32]
        return f"{text[:2]}/{text}{self.suffix}"


@dataclass(frozen=True)
class FailedUrl:
    """Why a URL gave no image: a code for programs, and a sentence for people."""

    reason: str
    detail: str


UrlOutcome: TypeAlias = StoredImage | FailedUrl


class DownloadState:
    """Persistent state of a folder, used by one program at a time; safe against being killed."""

    def __init__(self, folder: Path) -> None:
        """Open or create. Raises DownloadError, also while another program uses the folder."""
        self._folder = folder
        self._pending: dict[str, UrlOutcome] = {}
        self._flushed = monotonic()
        with translate_errors(folder):
            self._connection = _open(folder / _NAME)

    def __enter__(self) -> Self:
        """Closes at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            self._connection.close()

    def record(self, url: str, outcome: UrlOutcome) -> None:
        """Record the outcome of a URL; it is written with the next batch."""
        self._pending[url] = outcome
        if len(self._pending) >= _BATCH or monotonic() - self._flushed > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write all recorded outcomes in one transaction."""
        with translate_errors(self._folder), self._connection:
            for url, outcome in self._pending.items():
                self._write(url, outcome)
        self._pending.clear()
        self._flushed = monotonic()

    def outcome(self, url: str) -> UrlOutcome | None:
        """The outcome of a URL; ``None`` if it was not tried, or its file no longer exists."""
        found = self._pending.get(url) or self._stored(url)
        return None if isinstance(found, StoredImage) and not self._exists(found) else found

    def forget_failures(self) -> None:
        """Forget the URLs that gave no image, so that they are tried again."""
        with translate_errors(self._folder), self._connection:
            self._connection.execute("DELETE FROM urls WHERE sha256 IS NULL")

    @contextmanager
    def metadata_writer(self) -> Iterator[MetadataWriter]:
        """A transaction in which each image gets the metadata of the first row that led to it."""
        with translate_errors(self._folder), self._connection:
            run = 1 + (self._connection.execute("SELECT max(run) FROM pictures").get or 0)
            yield MetadataWriter(self._connection, run)

    def _write(self, url: str, outcome: UrlOutcome) -> None:
        if isinstance(outcome, FailedUrl):
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

    def _stored(self, url: str) -> UrlOutcome | None:
        with translate_errors(self._folder):
            row = self._connection.execute(
                "SELECT reason, detail, sha256, suffix, size, width, height "
                "FROM urls LEFT JOIN pictures USING (sha256) WHERE url = ?",
                (url,),
            ).fetchone()
        if row is None:
            return None
        reason, detail, *image = row
        return FailedUrl(reason, detail) if image[0] is None else StoredImage(*image)

    def _exists(self, image: StoredImage) -> bool:
        try:
            return os.stat(f"{self._folder}/{image.name}").st_size == image.size
        except OSError:
            return False


@dataclass(frozen=True)
class MetadataWriter:
    """Writes the metadata of images, for the run of one list."""

    connection: apsw.Connection
    run: int

    def __call__(self, image: StoredImage, row: int, metadata: Mapping[str, Any]) -> bool:
        """Write it if this row is the first of the list for the image; whether it was."""
        self.connection.execute(
            "UPDATE pictures SET metadata = ?, run = ?, row = ? WHERE sha256 = ? AND run IS NOT ?",
            (json.dumps(metadata, ensure_ascii=False), self.run, row, image.sha256, self.run),
        )
        return bool(self.connection.changes())


def is_filled(folder: str | os.PathLike[str]) -> bool:
    """Whether this folder was filled by ``download``."""
    return os.path.exists(absolute(folder) / _NAME)


def image_folder(name: Path) -> Path:
    """The folder for the images of a list: ``NAME-images``, beside the catalogue or encoder NAME.

    Early versions called it ``NAME-pictures``; if there is one, it is used.
    """
    former = name.with_name(f"{name.name}-pictures")
    return former if former.is_dir() else name.with_name(f"{name.name}-images")


def described(folder: str | os.PathLike[str], run: int | None = None) -> Iterator[Input]:
    """The images in a folder filled by ``download``, with the metadata of their lists.

    With the ``run`` of a Summary, only those of that list, in its order. For ``Finder.add``. Raises
    DownloadError.
    """
    root = absolute(folder)
    with translate_errors(root), closing(_open(root / _NAME)) as connection:
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
            # a range of the key: the name holds the first half of the hash
            "SELECT metadata FROM pictures WHERE sha256 >= unhex(?1) AND sha256 < unhex(?1 || ?2)",
            (path.stem, "ff" * 16),
        ).get
        yield Input(path, json.loads(metadata) if metadata else None)


def _open(path: Path) -> apsw.Connection:
    connection = connect(path, create=True)
    try:
        if not connection.readonly("main"):
            _prepare(connection, path.name)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection, name: str) -> None:
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
        raise DownloadError(
            f"{name} was written by another version of ImageFinder: use another folder"
        )


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
            f"{folder / _NAME} cannot be used ({error}); delete it to download everything again"
        ) from error
