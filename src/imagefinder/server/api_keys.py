"""API keys: random words, of which only hashes are kept, in a file that people can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from imagefinder._utils.atomic import atomic_write
from imagefinder.errors import ImageFinderError
from imagefinder.server.problems import log, problem

OPEN = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", "/readyz"})
"""What needs no key, and tells nothing of any image."""
OPEN_FOLDERS = ("/page/", "/static-offline-docs/")


class KeyFileError(ImageFinderError):
    """A file of keys that cannot be used."""


@dataclass(frozen=True)
class Key:
    """What is kept of a key. It is random, so a plain hash of it cannot be turned back."""

    sha256: str
    created: str
    writes: bool
    """Whether it may also add and delete, where the server allows that."""


class KeyFile:
    """The keys by their names, in a JSON file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        """It need not be there yet."""
        self.path = path

    def keys(self) -> dict[str, Key]:
        """All of them. Raises KeyFileError."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(name): Key(**about) for name, about in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise KeyFileError(f"{self.path} is not a file of keys that can be read") from error

    def add(self, name: str, writes: bool = False) -> str:
        """A new key, which is told only now. Raises KeyFileError for a name that is taken."""
        keys = self.keys()
        if name in keys:
            raise KeyFileError(f"there is a key {name!r} already: remove it first, or name another")
        key = f"if_{token_urlsafe(32)}"
        created = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({**keys, name: Key(_hash(key), created, writes)})
        return key

    def remove(self, name: str) -> None:
        """From now on it opens nothing. Raises KeyFileError if there is none."""
        keys = self.keys()
        if keys.pop(name, None) is None:
            raise KeyFileError(f"there is no key {name!r}")
        self._write(keys)

    def _write(self, keys: Mapping[str, Key]) -> None:
        text = json.dumps({name: asdict(key) for name, key in keys.items()}, indent=2)
        try:
            with atomic_write(self.path) as beside:
                beside.touch(0o600)
                beside.write_text(text, encoding="utf-8")
        except OSError as error:
            raise KeyFileError(f"{self.path} cannot be written: {error.strerror}") from error


class KeyRing:
    """The keys of a file, read again when it changes."""

    def __init__(self, file: KeyFile) -> None:
        """Raises KeyFileError if it is not there, for nobody could ever ask then."""
        self._file = file
        self._guard = Lock()
        self._state: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}
        if not file.path.is_file():
            raise KeyFileError(
                f"there is no file of keys {file.path}: make one with "
                f"imagefinder keys add NAME --keys {file.path}"
            )
        self._read()

    def owner(self, given: str) -> tuple[str, Key] | None:
        """Whose key it is. All are compared, each in the same time. Raises KeyFileError."""
        hashed = _hash(given)
        found = None
        for name, key in self._read().items():
            if compare_digest(hashed, key.sha256):
                found = name, key
        return found

    def _read(self) -> dict[str, Key]:
        with self._guard:
            try:
                now = os.stat(self._file.path)
            except OSError as error:
                raise KeyFileError(f"{self._file.path} is gone") from error
            state = now.st_ino, now.st_size, now.st_mtime_ns
            if state != self._state:
                self._keys = self._file.keys()
                self._state = state
            return self._keys


class NeedsKey:
    """Middleware: 401 without a key, but for what is open to all."""

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        """``Authorization: Bearer KEY`` or ``X-API-Key: KEY``."""
        self.app = app
        self.ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            owner = self.ring.owner(_given(Headers(scope=scope)))
        except KeyFileError as error:
            log.error("%s", error)
            await problem(503, "keys cannot be checked at the moment")(scope, receive, send)
            return
        if owner is None:
            detail = "this server asks for a key: Authorization: Bearer KEY"
            answer = problem(401, detail, {"WWW-Authenticate": 'Bearer realm="imagefinder"'})
            await answer(scope, receive, send)
            return
        name, key = owner
        state = scope.get("state", {}) | {"key_name": name, "key_writes": key.writes}
        scope["state"] = state
        await self.app(scope, receive, send)


def _is_open(path: str) -> bool:
    # routes are matched with the very same string, so there is no second spelling of a path
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def _given(headers: Headers) -> str:
    scheme, _, word = headers.get("authorization", "").partition(" ")
    return word.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
