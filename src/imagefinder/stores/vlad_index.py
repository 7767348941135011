"""Candidate retrieval with VLAD: a rebuildable index over aggregated local descriptors."""

from __future__ import annotations

import hashlib
import logging
from threading import Lock

import numpy as np

from imagefinder.indexes.selective_match import SelectiveMatch
from imagefinder.local_features.vlad import Codebook, fit_codebook
from imagefinder.stores import codebook_file
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.indexed_rows import LocalFeatureRows
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.types import Keys, LocalFeatures

_SAMPLE = 256  # images to fit a codebook to
_GROWTH = 4  # fit it again to a sample when there are so many times more images

log = logging.getLogger(__name__)


class VladIndex:
    """Searches by a codebook that was fit to the catalogue itself."""

    def __init__(self, files: CacheFiles, rows: LocalFeatureRows, dim: int) -> None:
        """``files`` says where to save the codebook, and the index beside it."""
        self._files = files
        self._rows = rows
        self._dim = dim
        self._guard = Lock()
        self._codebook: Codebook | None = None
        self._fit_size = 0
        self._index: SyncedIndex[SelectiveMatch] | None = None

    def search(self, query: LocalFeatures, k: int, subset: Keys | None = None) -> list[int]:
        """See Store."""
        with self._guard:
            self._refresh()
            codebook, index = self._codebook, self._index
        if codebook is None or index is None:  # nothing to fit a codebook to
            return []
        words, residuals = codebook.residuals(query.descriptors)
        return index.using(lambda rows: rows.shortlist(words, residuals, k, subset))

    def close(self) -> None:
        """Release what its rows are read by."""
        with self._guard:
            if self._index is not None:
                self._index.close()

    def _refresh(self) -> None:
        if self._codebook is None:
            self._load()
        if self._fit_size >= _SAMPLE:  # so no image needs to be counted
            return
        if self._codebook is None or self._rows.count() >= _GROWTH * self._fit_size:
            self._fit()

    def _load(self) -> None:
        found = codebook_file.load(self._files)
        if found is not None and found[0].mean.shape == (self._dim,):
            self._use(*found)

    def _fit(self) -> None:
        keys = self._rows.keys()
        # keys are hashes, so any choice by them is as good as a random one
        sample = keys[:: max(1, len(keys) // _SAMPLE)][:_SAMPLE].tolist()
        found = [local.descriptors for local in self._rows.select(sample).values() if local]
        if found:
            codebook = fit_codebook(np.concatenate(found))
            codebook_file.save(self._files, codebook, len(sample))
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
            self._rows.source(lambda local: codebook.vector(local.descriptors)),
        )
        self._codebook, self._fit_size = codebook, sample
