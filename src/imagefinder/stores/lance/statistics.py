"""Counts and sizes."""

from __future__ import annotations

import lance
import numpy as np

from imagefinder.stores.lance.blobs import HAS_LOCAL
from imagefinder.stores.lance.selection import IMAGES, VECTORS, as_integers, select
from imagefinder.types import Statistics


def select_statistics(dataset: lance.LanceDataset) -> Statistics:
    """See ``Store.statistics``; the size is that of the data files of this version."""
    images, files, vectors, signatures = (
        int(dataset.count_rows(condition))
        for condition in (IMAGES, "path IS NOT NULL", VECTORS, "has_signature")
    )
    local = as_integers(select(dataset, ["local_size"], HAS_LOCAL)["local_size"])
    return Statistics(images, files, vectors, data_bytes(dataset), int(np.sum(local)), signatures)


def data_bytes(dataset: lance.LanceDataset) -> int:
    """Of all data files of this version."""
    return sum(
        file.file_size_bytes or 0
        for fragment in dataset.get_fragments()
        for file in fragment.metadata.files
    )
