"""The images whose local features, taken together, are most like a query's: a cache too."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import apsw
import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import batched
from imagefinder.local_features.codec import unpacked
from imagefinder.local_features.vlad import Codebook, learned, windows
from imagefinder.registry.factory import make_index
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.synced_index import SyncedIndex, keys_of
from imagefinder.types import Features, Keys, LocalFeatures, Neighbors

_PAGE = 64  # images taken from the file at a time
_SAMPLE = 256  # images from which a codebook is learned
_GROWTH = 4  # times as many images as it was learned from, while those were few

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VladRows:
    """A row for each image: its local features by a codebook."""

    codebook: Codebook
    dim: int

    def keys(self, connection: apsw.Connection) -> Keys:
        """See Rows."""
        return keys_of(connection.execute("SELECT key FROM local_features"))

    def of(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """See Rows."""
        for page in batched(new.tolist(), _PAGE):
            found = stored(connection, page, self.dim)
            vectors = [self.codebook.vector(local.descriptors) for local in found.values()]
            yield np.array(list(found), np.int64), np.concatenate(vectors)


class VladIndex:
    """Answers by a codebook that was learned from the catalogue itself."""

    def __init__(
        self,
        saved: Path,
        connections: Connections,
        dim: int,
    ) -> None:
        """``saved`` is where the codebook may be kept; the index goes beside it."""
        self._saved = saved
        self._connections = connections
        self._dim = dim
        self._guard = Lock()
        self._codebook: Codebook | None = None
        self._learned_from = 0
        self._index: SyncedIndex | None = None

    def search(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        with self._guard, self._connections.decoding():
            self._refresh()
            codebook, index = self._codebook, self._index
        if codebook is None or index is None:  # there is nothing to learn from
            return []
        rows = np.concatenate([codebook.vector(window) for window in windows(query)])
        return best_images(index.search(rows, k, subset))[:k]

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            if self._index is not None:
                self._index.close()

    def _refresh(self) -> None:
        if self._codebook is None:
            self._load()
        if self._learned_from >= _SAMPLE:  # and no image need be counted
            return
        with self._connections.reading() as connection:
            images = int(connection.execute("SELECT count(*) FROM local_features").get)
            if self._codebook is None or images >= _GROWTH * self._learned_from:
                self._learn(connection)

    def _load(self) -> None:
        try:
            data = self._saved.read_bytes()
            codebook, sample = Codebook.from_bytes(data[8:]), int.from_bytes(data[:8], "little")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.info("the codebook is learned anew: %s", error)
            return
        if codebook.mean.shape == (self._dim,):
            self._use(codebook, sample)

    def _learn(self, connection: apsw.Connection) -> None:
        keys = keys_of(connection.execute("SELECT key FROM local_features"))
        # keys are hashes, so any choice by them is as good as a random one
        sample = keys[:: max(1, len(keys) // _SAMPLE)][:_SAMPLE].tolist()
        found = [
            local.descriptors for local in stored(connection, sample, self._dim).values() if local
        ]
        if found:
            codebook = learned(np.concatenate(found))
            self._keep(codebook, len(sample))
            self._use(codebook, len(sample))

    def _use(self, codebook: Codebook, sample: int) -> None:
        if self._index is not None:
            self._index.close()
            self._index.forget()
        name = hashlib.sha256(codebook.to_bytes()).hexdigest()[:8]
        self._index = SyncedIndex(
            make_index("exact", codebook.dim, "cosine"),
            self._saved.with_name(f"{self._saved.name}-{name}"),
            self._connections,
            VladRows(codebook, self._dim),
        )
        self._codebook, self._learned_from = codebook, sample

    def _keep(self, codebook: Codebook, sample: int) -> None:
        data = sample.to_bytes(8, "little") + codebook.to_bytes()
        try:
            with atomic_write(self._saved) as unfinished:
                unfinished.write_bytes(data)
        except OSError as error:  # a cache only: the folder may be read-only, the disk full
            log.info("the codebook stays in memory: %s", error)


def best_images(neighbors: Neighbors) -> list[int]:
    """Keys of images, in the order of each one's best score for any query vector."""
    best: dict[int, float] = {}
    for key, score in zip(neighbors.keys.flat, neighbors.scores.flat, strict=True):
        if key >= 0:
            best[int(key)] = max(float(score), best.get(int(key), -np.inf))
    return sorted(best, key=lambda key: (-best[key], key))


def stored(connection: apsw.Connection, keys: list[int], dim: int) -> dict[int, LocalFeatures]:
    """The local features of those of the images that have any kept, in order of their keys."""
    rows = connection.execute(
        "SELECT key, features FROM local_features"
        " WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key",
        (json.dumps(keys),),
    )
    return {key: unpacked(blob, dim) for key, blob in rows}
