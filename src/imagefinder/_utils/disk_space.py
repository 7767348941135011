"""Disk space: errors that say there is none, and room reserved for a file that is mapped.

A new file that is mapped has no blocks yet: they are found when its pages are written, and where
none is left the process is killed by a bus error, which nothing can catch.
"""

from __future__ import annotations

import errno
import os

from imagefinder.errors import DiskFull

_CHUNK = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: BaseException) -> bool:
    """Whether it says that a disk, or the user's part of it, is full."""
    return getattr(error, "errno", None) in _FULL


def reserve(descriptor: int, size: int, place: object) -> None:
    """Give an open file room for ``size`` bytes; ``place`` is how a message names its folder.

    Raises DiskFull, or OSError for another reason.
    """
    if not size:
        return
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            _fill(descriptor, size)
    except OSError as error:
        if is_full(error):
            raise DiskFull(f"no space in {place}: {size:,} bytes are needed") from error
        raise


def _fill(descriptor: int, size: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    for start in range(0, size, _CHUNK):
        os.write(descriptor, bytes(min(_CHUNK, size - start)))
