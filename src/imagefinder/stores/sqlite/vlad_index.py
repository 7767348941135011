"""Candidate retrieval with VLAD: a rebuildable index over aggregated local descriptors."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import apsw
import numpy as np

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import batched
from imagefinder.indexes.selective_match import SelectiveMatch
from imagefinder.local_features.vlad import Codebook, fit_codebook
from imagefinder.stores.sqlite.cache_files import CacheFiles
from imagefinder.stores.sqlite.cache_header import split_header, with_header
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.stores.sqlite.local_features import select_local_features
from imagefinder.stores.sqlite.records import keys_of
from imagefinder.stores.sqlite.synced_index import SyncedIndex
from imagefinder.types import Features, Keys, LocalFeatures

_PAGE = 64  # images read at a time
_SAMPLE = 256  # images to fit a codebook to
_GROWTH = 4  # fit it again to a sample when there are so many times more images

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VladRows:
    """The VLAD vector of each image's local features, as the rows of a synced index."""

    codebook: Codebook
    dim: int

    def keys(self, connection: apsw.Connection) -> Keys:
        """See IndexedRows."""
        return keys_of(connection.execute("SELECT key FROM local_features"))

    def pages(
        self, connection: apsw.Connection, new: Keys, all_new: bool
    ) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows."""
        for page in batched(new.tolist(), _PAGE):
            found = select_local_features(connection, page, self.dim)
            vectors = [self.codebook.vector(local.descriptors) for local in found.values()]
            yield np.array(list(found), np.int64), np.concatenate(vectors)


class VladIndex:
    """Searches by a codebook that was fit to the catalogue itself."""

    def __init__(self, files: CacheFiles, connections: Connections, dim: int) -> None:
        """``files`` says where to save the codebook, and the index beside it."""
        self._files = files
        self._connections = connections
        self._dim = dim
        self._guard = Lock()
        self._codebook: Codebook | None = None
        self._fit_size = 0
        self._index: SyncedIndex[SelectiveMatch] | None = None

    def search(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        with self._guard, self._connections.decoding():
            self._refresh()
            codebook, index = self._codebook, self._index
        if codebook is None or index is None:  # nothing to fit a codebook to
            return []
        words, residuals = codebook.residuals(query.descriptors)
        return index.using(lambda rows: rows.shortlist(words, residuals, k, subset))

    def close(self) -> None:
        """Release the catalogue's file."""
        with self._guard:
            if self._index is not None:
                self._index.close()

    def _refresh(self) -> None:
        if self._codebook is None:
            self._load()
        if self._fit_size >= _SAMPLE:  # so no image needs to be counted
            return
        with self._connections.reading() as connection:
            images = int(connection.execute("SELECT count(*) FROM local_features").get)
            if self._codebook is None or images >= _GROWTH * self._fit_size:
                self._fit(connection)

    def _load(self) -> None:
        try:
            data = self._files.codebook().read_bytes()
            about, content = split_header(data, self._files.id)
            codebook, sample = Codebook.from_bytes(content), int(about["sample"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.info("fitting the codebook again: %s", error)
            return
        if codebook.mean.shape == (self._dim,):
            self._use(codebook, sample)

    def _fit(self, connection: apsw.Connection) -> None:
        keys = keys_of(connection.execute("SELECT key FROM local_features"))
        # keys are hashes, so any choice by them is as good as a random one
        sample = keys[:: max(1, len(keys) // _SAMPLE)][:_SAMPLE].tolist()
        found = [
            local.descriptors
            for local in select_local_features(connection, sample, self._dim).values()
            if local
        ]
        if found:
            codebook = fit_codebook(np.concatenate(found))
            self._save(codebook, len(sample))
            self._use(codebook, len(sample))

    def _use(self, codebook: Codebook, sample: int) -> None:
        if self._index is not None:
            self._index.close()
            self._index.delete_saved()
        name = hashlib.sha256(codebook.to_bytes()).hexdigest()[:8]
        self._index = SyncedIndex(
            SelectiveMatch(*codebook.words.shape),
            "dot",
            self._files.vlad(name),
            self._connections,
            VladRows(codebook, self._dim),
        )
        self._codebook, self._fit_size = codebook, sample

    def _save(self, codebook: Codebook, sample: int) -> None:
        data = with_header(self._files.id, {"sample": sample}, codebook.to_bytes())
        try:
            with atomic_write(self._files.codebook()) as unfinished:
                unfinished.write_bytes(data)
        except OSError as error:  # only a cache: the folder may be read-only, the disk full
            log.info("the codebook stays in memory: %s", error)
