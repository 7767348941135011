"""Download state: the outcome of each URL and the metadata of each image, in one SQLite file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeAlias

import apsw

from imagefinder.downloads import results_file
from imagefinder.downloads.policy import Policy
from imagefinder.downloads.state_file import open_state, record_output, translate_errors
from imagefinder.downloads.validators import NONE, Validators
from imagefinder.images.metadata import MAX_ITEMS

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
        self._pending: dict[str, tuple[UrlOutcome, Validators]] = {}
        self._flushed = monotonic()
        self._policy: int | None = None
        with translate_errors(folder):
            self._connection = open_state(folder, create=True)

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

    @property
    def temporary(self) -> str:
        """The path of the folder for partial files, which no other program makes."""
        with translate_errors(self._folder):
            identity = self._connection.execute("SELECT id FROM folder").get
        return f"{self._folder}/.part-{identity}"

    def record(self, url: str, outcome: UrlOutcome, validators: Validators = NONE) -> None:
        """Record the outcome of a URL; it is written with the next batch."""
        self._pending[url] = outcome, validators
        if len(self._pending) >= _BATCH or monotonic() - self._flushed > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write all recorded outcomes in one transaction."""
        with translate_errors(self._folder), self._connection:
            for url, (outcome, validators) in self._pending.items():
                self._write(url, outcome, validators)
        self._pending.clear()
        self._flushed = monotonic()

    def outcome(self, url: str) -> UrlOutcome | None:
        """The outcome of a URL; ``None`` if it was not tried, or its file no longer exists."""
        found = self._pending[url][0] if url in self._pending else self._stored(url)
        return None if isinstance(found, StoredImage) and not self._exists(found) else found

    def validators(self, url: str) -> Validators:
        """What the server said of the version of the image that is stored."""
        if url in self._pending:
            return self._pending[url][1]
        with translate_errors(self._folder):
            found = self._connection.execute(
                "SELECT etag, modified FROM urls WHERE url = ?", (url,)
            )
            row = found.fetchone()
        return Validators(*row) if row else NONE

    def reopen(self, policy: Policy) -> None:
        """Forget the failures that this policy may not lead to, and let it count from now on."""
        with translate_errors(self._folder), self._connection:
            for number, text in self._connection.execute("SELECT * FROM policies").fetchall():
                for reason in policy.reopens(Policy.from_text(str(text))):
                    self._connection.execute(
                        "DELETE FROM urls WHERE sha256 IS NULL AND policy = ? AND reason GLOB ?",
                        (number, reason),
                    )
            text = (policy.as_text(),)
            self._connection.execute("INSERT OR IGNORE INTO policies (settings) VALUES (?)", text)
            found = self._connection.execute("SELECT id FROM policies WHERE settings = ?", text)
            self._policy = found.get

    def forget_failures(self) -> None:
        """Forget the URLs that gave no image, so that they are tried again."""
        with translate_errors(self._folder), self._connection:
            self._connection.execute("DELETE FROM urls WHERE sha256 IS NULL")

    @contextmanager
    def metadata_writer(self, source: Path) -> Iterator[MetadataWriter]:
        """A transaction in which each image of a list gets the metadata of its rows."""
        with translate_errors(self._folder), self._connection as connection:
            run = 1 + (connection.execute("SELECT max(run) FROM pictures").get or 0)
            path = (os.fsencode(source),)
            connection.execute("INSERT OR IGNORE INTO lists (path) VALUES (?)", path)
            number = connection.execute("SELECT id FROM lists WHERE path = ?", path).get
            connection.execute("DELETE FROM listed WHERE list = ?", (number,))
            yield MetadataWriter(connection, run, number)

    def is_own_output(self, path: Path) -> bool:
        """Whether we wrote this file, and nobody changed it since. Raises OSError."""
        with translate_errors(self._folder):
            digest = results_file.digest_of(path)
            found = self._connection.execute("SELECT 1 FROM outputs WHERE sha256 = ?", (digest,))
            return found.fetchone() is not None

    def own_output(self, path: Path) -> None:
        """Remember a file that is about to become ``results.csv``. Raises OSError."""
        with translate_errors(self._folder), self._connection:
            record_output(self._connection, results_file.digest_of(path))

    def _write(self, url: str, outcome: UrlOutcome, validators: Validators) -> None:
        if isinstance(outcome, FailedUrl):
            row: tuple[Any, ...] = (None, outcome.reason, outcome.detail, None, None, self._policy)
        else:
            self._write_image(url, outcome)
            row = (outcome.sha256, None, None, validators.etag, validators.modified, None)
        self._connection.execute(
            "INSERT OR REPLACE INTO urls (url, sha256, reason, detail, etag, modified, policy) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (url, *row),
        )

    def _write_image(self, url: str, image: StoredImage) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO pictures (sha256, suffix, size, width, height) "
            "VALUES (?, ?, ?, ?, ?)",
            (image.sha256, image.suffix, image.size, image.width, image.height),
        )
        self._connection.execute(
            "UPDATE pictures SET replaced = 1 "
            "WHERE sha256 = (SELECT sha256 FROM urls WHERE url = ?) AND sha256 != ?",
            (url, image.sha256),
        )

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
    list: int

    def __call__(self, image: StoredImage, row: int, metadata: Mapping[str, Any]) -> bool:
        """Write it, beside that of other rows of the list for the image; whether it is the first.

        Not more than can share an image.
        """
        text = json.dumps(metadata, ensure_ascii=False)
        self.connection.execute(
            "UPDATE pictures SET metadata = ?, run = ?, row = ?, replaced = 0 "
            "WHERE sha256 = ? AND run IS NOT ?",
            (text, self.run, row, image.sha256, self.run),
        )
        if self.connection.changes():
            self.connection.execute("INSERT INTO listed VALUES (?, ?)", (image.sha256, self.list))
            return True
        self._append(image, text)
        return False

    def _append(self, image: StoredImage, text: str) -> None:
        self.connection.execute(
            "UPDATE pictures SET metadata = CASE json_type(metadata)"
            " WHEN 'array' THEN json_insert(metadata, '$[#]', json(?1))"
            " ELSE json_array(json(metadata), json(?1)) END"
            " WHERE sha256 = ?2 AND CASE json_type(metadata)"
            " WHEN 'array' THEN json_array_length(metadata) < ?3 ELSE metadata <> ?1 END",
            (text, image.sha256, MAX_ITEMS),
        )
