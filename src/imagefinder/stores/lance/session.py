"""The engine's caches in memory: of indexes and of files' metadata, for each opened catalogue."""

from __future__ import annotations

import os

from lance.lance import _Session as Session

from imagefinder._utils.concurrency import cores
from imagefinder._utils.memory import total_memory
from imagefinder.errors import StoreError

VARIABLE = "IMAGEFINDER_LANCE_CACHE"
_MOST = 6 << 30
_MEGABYTE = 10**6


def new_session() -> Session:
    """Caches of the size that `IMAGEFINDER_LANCE_CACHE` says, in megabytes: most is for indexes.

    Else of a quarter of the memory and 6 GiB at most, of which a process that has some of the
    processors gets its share. Raises StoreError.
    """
    size = _chosen() or min(total_memory() // 4, _MOST) * cores() // (os.cpu_count() or 1)
    metadata = size // 5
    return Session(index_cache_size_bytes=size - metadata, metadata_cache_size_bytes=metadata)


def _chosen() -> int | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise StoreError(f"{VARIABLE} is {text!r}: expected megabytes, such as 2000")
    return int(text) * _MEGABYTE
