"""The C library's allocator: what is freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # of mallopt(3)
_BLOCK = 2**20


def return_freed_memory() -> None:
    """For a program that lives long: glibc keeps what is freed, for each thread by itself.

    A large image decoded by each of forty threads once would stay in memory forty times. Blocks
    from 1 MB on are mapped by themselves instead, which costs microseconds and is undone by free;
    setting the threshold also keeps glibc from raising it.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl returns memory by itself
        return
    mallopt(_ARENA_MAX, 2)
    mallopt(_MMAP_THRESHOLD, _BLOCK)
    mallopt(_TRIM_THRESHOLD, _BLOCK)
