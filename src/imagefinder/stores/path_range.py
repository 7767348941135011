"""The paths in a folder, as a range of texts."""

from __future__ import annotations

import os


def path_range(folder: str) -> tuple[str, str]:
    """The paths in a folder, however deep, lie between these two texts, byte by byte."""
    after = folder.rstrip(os.sep) + os.sep
    return after, after[:-1] + chr(ord(os.sep) + 1)
