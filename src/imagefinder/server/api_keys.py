"""API keys: random tokens, stored only as hashes in a JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.locks import locked
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError


class KeyFileError(ImageFinderError):
    """A key file that cannot be used."""


@dataclass(frozen=True)
class ApiKey:
    """The stored form of a key. Keys are random, so an unsalted hash cannot be reversed."""

    sha256: str
    created: str
    writes: bool
    """Whether it may also add and delete images, if the server allows that at all."""


class KeyFile:
    """Named keys in a JSON file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        """The file need not exist yet."""
        self.path = path

    def keys(self) -> dict[str, ApiKey]:
        """All keys by name. Raises KeyFileError."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(name): _key_of(fields) for name, fields in stored.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise KeyFileError(
                f"{self.path} is not a readable key file: restore it, or create another"
            ) from error

    def add(self, name: str, writes: bool = False) -> str:
        """Create a key and return it, for the only time. Raises KeyFileError for a used name."""
        key = f"if_{token_urlsafe(32)}"
        created = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as keys:
            if name in keys:
                raise KeyFileError(
                    f"there is already a key named {name!r}: "
                    "remove it first, or choose another name"
                )
            keys[name] = ApiKey(_hash(key), created, writes)
        return key

    def remove(self, name: str) -> None:
        """Revoke a key. Raises KeyFileError if there is none of this name."""
        with self._changing() as keys:
            if keys.pop(name, None) is None:
                raise KeyFileError(f"there is no key named {name!r}")

    @contextmanager
    def _changing(self) -> Iterator[dict[str, ApiKey]]:
        """The keys, to be changed while no other program changes them, and then written.

        Of a file behind a symbolic link, so that the link stays one.
        """
        target = Path(os.path.realpath(self.path))
        try:
            with locked(target):
                keys = self.keys()
                yield keys
                _write(target, keys)
        except OSError as error:
            raise KeyFileError(f"{self.path} cannot be written: {one_line(error)}") from error


def _write(path: Path, keys: Mapping[str, ApiKey]) -> None:
    text = json.dumps({name: asdict(key) for name, key in keys.items()}, indent=2)
    with atomic_write(path, mode=0o600) as temporary:
        temporary.write_text(text, encoding="utf-8")
        with suppress(OSError, AttributeError):  # as root, in a file that a server's user owns
            owner = path.stat()
            os.chown(temporary, owner.st_uid, owner.st_gid)


def _key_of(fields: Mapping[str, Any]) -> ApiKey:
    """Raises TypeError for what no key consists of."""
    key = ApiKey(**fields)
    if not (isinstance(key.sha256, str) and key.sha256.isascii() and isinstance(key.writes, bool)):
        raise TypeError("not a key")
    return key


class KeyRing:
    """The keys of a file, reloaded when the file changes."""

    def __init__(self, file: KeyFile) -> None:
        """Raises KeyFileError if the file is missing, since no request could ever succeed."""
        self._file = file
        self._lock = Lock()
        self._version: tuple[int, int, int] | None = None
        self._keys: dict[str, ApiKey] = {}
        if not file.path.is_file():
            raise KeyFileError(
                f"the key file {file.path} does not exist: create it with "
                f"imagefinder keys add NAME --keys {file.path}"
            )
        self._load()

    def find(self, token: str) -> tuple[str, ApiKey] | None:
        """The name and key of a token, compared with all keys in constant time.

        Raises KeyFileError.
        """
        hashed = _hash(token)
        found = None
        for name, key in self._load().items():
            if compare_digest(hashed, key.sha256):
                found = name, key
        return found

    def _load(self) -> dict[str, ApiKey]:
        with self._lock:
            try:
                status = os.stat(self._file.path)
            except OSError as error:
                raise KeyFileError(f"{self._file.path} is missing") from error
            version = status.st_ino, status.st_size, status.st_mtime_ns
            if version != self._version:
                self._keys = self._file.keys()
                self._version = version
            return self._keys


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
