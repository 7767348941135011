"""Names of the cache files that indexes save beside a catalogue, ``c.db`` say.

``c.db.vectors-ID`` holds the vectors by the recipe's measure and ``c.db.vectors-l2-ID`` those by
another; ``c.db.vlad-ID`` is a codebook and ``c.db.vlad-ID-CODEBOOK`` its index. ID is the first
eight digits of the catalogue's own id, so that no catalogue uses another's. An approximate
index adds files that end in its kind, ``.hnsw`` and ``.hnsw.json``. Early versions wrote
``exact`` for ``vectors-`` and ``exactl2`` for ``vectors-l2``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from imagefinder.registry.plugins import plugins
from imagefinder.types import Measure

_MEASURES = "|".join(get_args(Measure))
_CACHE = re.compile(
    rf"\.(vectors(-({_MEASURES}))?-ID|exact({_MEASURES})?-ID|vlad-ID(-ID)?)"
    r"(\.[a-z0-9_]+(\.json)?)?".replace("ID", "[0-9a-f]{8}")
)


@dataclass(frozen=True)
class CacheFiles:
    """Where the indexes of one catalogue are saved."""

    catalogue: Path
    id: str

    def vectors(self, measure: Measure | None = None) -> Path:
        """For the vectors by the recipe's measure, or by another."""
        return self._named("vectors" if measure is None else f"vectors-{measure}")

    def vlad(self) -> Path:
        """For the codebook of aggregated local features."""
        return self._named("vlad")

    def has_legacy(self, measure: Measure | None = None) -> bool:
        """Whether an early version saved an index of the same vectors: it is read no longer."""
        return self._legacy(measure).exists()

    def remove_legacy(self, measure: Measure | None = None) -> None:
        """Delete what an early version saved for the same vectors, if possible."""
        old = self._legacy(measure)
        endings = [end for kind in plugins("indexes") for end in (f".{kind}", f".{kind}.json")]
        with suppress(OSError):
            for ending in ("", *endings):
                old.with_name(f"{old.name}{ending}").unlink(missing_ok=True)

    def _legacy(self, measure: Measure | None) -> Path:
        return self._named(f"exact{measure or ''}")

    def _named(self, kind: str) -> Path:
        return self.catalogue.with_name(f"{self.catalogue.name}.{kind}-{self.id[:8]}")


def remove_stale_caches(catalogue: Path) -> None:
    """Delete the caches of catalogues that were at this path before, and no other file."""
    start = catalogue.name
    for file in catalogue.parent.iterdir():
        if file.name.startswith(start) and _CACHE.fullmatch(file.name, len(start)):
            file.unlink(missing_ok=True)
