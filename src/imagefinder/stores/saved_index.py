"""The saved state of an index: data files, and a manifest that says which they are.

Each save writes data files of new names, and then replaces the manifest in one step. So however
many programs save at a time, nobody ever joins the files of one with those of another. Data files
that the manifest does not name (any more) are removed by the next save; a program that has mapped
them keeps them.

The name of a data file ends in a random token and a digest of it and the catalogue's id, which
proves that it was written for this catalogue.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xxhash import xxh3_64_hexdigest

from imagefinder._utils.atomic import (
    atomic_write,
    remove_abandoned,
    token_of,
    tokens_in_progress,
)
from imagefinder.errors import IndexDamaged
from imagefinder.registry.plugins import plugins
from imagefinder.stores.cache_header import split_header, with_header
from imagefinder.types import Index

_DIGITS = r"([0-9a-f]{8})([0-9a-f]{8})"


@dataclass(frozen=True)
class SavedIndex:
    """The files of one index of the catalogue with this id; ``manifest`` is the first of them."""

    manifest: Path
    catalogue: str

    def exists(self) -> bool:
        """Whether anything was saved, or is in its place."""
        return self.manifest.exists()

    def load(self, index: Index) -> int:
        """Load the index; the version of the newest write that it has seen. Raises IndexDamaged."""
        token, version = self._published()
        while True:
            try:
                index.load(self._data(token))
            except IndexDamaged:
                before = token
                token, version = self._published()
                if token == before:
                    raise  # or another program has replaced it in between
            else:
                return version

    def save(self, index: Index, version: int) -> None:
        """Save the index, which has seen all writes up to ``version``.

        Raises OSError, or IndexDamaged if its files were spoilt at once.
        """
        try:
            with atomic_write(self.manifest) as unfinished:
                token = token_of(unfinished)
                index.save(self._data(token))
                about = {"data": token, "version": version}
                unfinished.write_bytes(with_header(self.catalogue, about))
        finally:
            with suppress(OSError):
                self._remove_unpublished()

    def delete(self) -> None:
        """Delete all its files, if possible."""
        with suppress(OSError):
            self.manifest.unlink(missing_ok=True)
            self._remove_unpublished()

    def _published(self) -> tuple[str, int]:
        """The token of the data files, and the version. Raises IndexDamaged."""
        try:
            about, _ = split_header(self.manifest.read_bytes(), self.catalogue)
            return str(about["data"]), int(about["version"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise IndexDamaged(f"{self.manifest.name} cannot be used: {error}") from error

    def _data(self, token: str) -> Path:
        return self.manifest.with_name(f"{self.manifest.name}.{token}{self._proof(token)}")

    def _proof(self, token: str) -> str:
        return xxh3_64_hexdigest(f"{self.catalogue} {token}".encode())[:8]

    def _remove_unpublished(self) -> None:
        """Data files, whole or not, that no manifest names and no program is writing."""
        found = list(self._data_files())
        # only then, so that what another program publishes meanwhile is known either way
        keep = tokens_in_progress(self.manifest)
        if self.manifest.exists():
            with suppress(IndexDamaged):
                keep.add(self._published()[0])
        for file, token in found:
            if token not in keep and file.is_file() and not file.is_symlink():
                file.unlink(missing_ok=True)
        remove_abandoned(self.manifest.parent, self._token_in)

    def _data_files(self) -> Iterator[tuple[Path, str]]:
        with os.scandir(self.manifest.parent) as entries:
            for entry in entries:
                if token := self._token_in(entry.name):
                    yield Path(entry.path), token

    def _token_in(self, name: str) -> str | None:
        """The token in the name of a data file; None for any other file."""
        if not name.startswith(f"{self.manifest.name}."):
            return None
        kinds = "|".join(map(re.escape, plugins("indexes")))
        pattern = rf"{_DIGITS}(\.({kinds})(\.json|\.tmp)?)?"
        match = re.fullmatch(pattern, name[len(self.manifest.name) + 1 :])
        return match[1] if match and match[2] == self._proof(match[1]) else None
