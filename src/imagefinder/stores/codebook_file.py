"""The codebook that a catalogue's local features are aggregated by: a cache file, that copies get.

One that is fitted anew, to more images, is as good, but finds other candidates for re-ranking.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from imagefinder._utils.atomic import atomic_write
from imagefinder.local_features.vlad import Codebook
from imagefinder.stores.cache_files import CacheFiles
from imagefinder.stores.cache_header import split_header, with_header
from imagefinder.types import Properties

_INVALID = (ValueError, KeyError, TypeError, RecursionError)

log = logging.getLogger(__name__)


def load(files: CacheFiles) -> tuple[Codebook, int] | None:
    """The codebook, and to how many images it was fitted; None if there is none to use."""
    data = read(files)
    try:
        return None if data is None else _parsed(data, files.id)
    except _INVALID as error:
        log.info("fitting the codebook again: %s", error)
        return None


def save(files: CacheFiles, codebook: Codebook, sample: int) -> None:
    """Save it, if possible."""
    data = with_header(files.id, {"sample": sample}, codebook.to_bytes())
    try:
        with atomic_write(files.codebook()) as unfinished:
            unfinished.write_bytes(data)
    except OSError as error:  # only a cache: the folder may be read-only, the disk full
        log.info("the codebook stays in memory: %s", error)


def read(files: CacheFiles) -> bytes | None:
    """The file, for a copy of the catalogue."""
    try:
        return files.codebook().read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.info("fitting the codebook again: %s", error)
        return None


def save_copy(files: CacheFiles, source: Properties) -> None:
    """Save that of the source of a copy, if it has one."""
    with suppress(*_INVALID):
        if source.codebook is not None:
            save(files, *_parsed(source.codebook, source.id))


def _parsed(data: bytes, owner: str) -> tuple[Codebook, int]:
    about, content = split_header(data, owner)
    return Codebook.from_bytes(content), int(about["sample"])
