"""The memory of this computer."""

from __future__ import annotations

import os

_UNKNOWN = 4 * 2**30


def total_memory() -> int:
    """In bytes; 4 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return _UNKNOWN
