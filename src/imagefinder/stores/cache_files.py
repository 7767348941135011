"""Names of the cache files that indexes save beside a catalogue, ``c.db`` say.

``c.db.vectors-ID`` belongs to the vectors by the recipe's measure and ``c.db.vectors-l2-ID`` to
those by another; ``c.db.vlad-ID`` is a codebook and ``c.db.vlad-ID-CODEBOOK`` belongs to its index.
ID is the first eight digits of the catalogue's own id, so that no catalogue uses another's. Beside
each index are its data files, named by a token: ``c.db.vectors-ID.TOKEN``, and more that end in its
kind, ``.hnsw`` and ``.hnsw.json``.

Early versions had no tokens, and wrote ``exact`` for ``vectors-`` and ``exactl2`` for
``vectors-l2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from imagefinder._utils.atomic import remove_abandoned
from imagefinder.registry.plugins import plugins
from imagefinder.stores.cache_header import owner_of
from imagefinder.stores.saved_index import SavedIndex
from imagefinder.types import Measure

_MEASURES = "|".join(get_args(Measure))
_CACHE = re.compile(
    rf"\.(vectors(-({_MEASURES}))?-ID|vlad-ID(-[0-9a-f]{{8}})?)".replace("ID", "([0-9a-f]{8})")
)


@dataclass(frozen=True)
class CacheFiles:
    """Where the indexes of one catalogue are saved."""

    catalogue: Path
    id: str

    def vectors(self, measure: Measure | None = None) -> SavedIndex:
        """For the vectors by the recipe's measure, or by another."""
        return self._index(self._named("vectors" if measure is None else f"vectors-{measure}"))

    def codebook(self) -> Path:
        """For the codebook of aggregated local features."""
        return self._named("vlad")

    def vlad(self, codebook: str) -> SavedIndex:
        """For the vectors by a codebook of this name."""
        return self._index(self._named("vlad", f"-{codebook}"))

    def has_legacy(self, measure: Measure | None = None) -> bool:
        """Whether an early version saved an index of the same vectors: it is read no longer."""
        return any(file.exists() for file in self._legacy(measure))

    def remove_legacy(self, measure: Measure | None = None) -> None:
        """Delete what an early version saved for the same vectors, if possible."""
        files = list(self._legacy(measure))
        for file in files:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        remove_abandoned(self.catalogue.parent, {file.name for file in files}.__contains__)

    def _legacy(self, measure: Measure | None) -> Iterator[Path]:
        exact, vectors = self._named(f"exact{measure or ''}"), self.vectors(measure).manifest
        yield exact
        for kind in plugins("indexes"):
            for ending in (kind, f"{kind}.json"):
                yield from (file.with_name(f"{file.name}.{ending}") for file in (exact, vectors))

    def _index(self, manifest: Path) -> SavedIndex:
        return SavedIndex(manifest, self.id)

    def _named(self, kind: str, ending: str = "") -> Path:
        return self.catalogue.with_name(f"{self.catalogue.name}.{kind}-{self.id[:8]}{ending}")


def remove_stale_caches(catalogue: Path) -> None:
    """Delete the caches of catalogues that were at this path before, and no other file.

    A name alone proves nothing: what is deleted says which catalogue it belongs to. A new catalogue
    has none of its own yet.
    """
    start = catalogue.name
    with suppress(OSError):
        for file in list(catalogue.parent.iterdir()):
            match = _CACHE.fullmatch(file.name, len(start)) if file.name.startswith(start) else None
            owner = owner_of(file) if match else None
            if match and owner and owner[:8] in (match[4], match[5]):
                SavedIndex(file, owner).delete()
