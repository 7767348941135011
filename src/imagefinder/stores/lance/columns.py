"""One value of every image, for listings."""

from __future__ import annotations

from typing import Any

import lance
import numpy as np

from imagefinder.stores.lance.selection import IMAGES, select
from imagefinder.types import ImageColumn, Keys

_OF_IMAGES: dict[ImageColumn, str] = {"added": "written", "size": "size", "metadata": "metadata"}
_OF_FILES: dict[ImageColumn, str] = {"date": "mtime_ns", "path": "path"}


def select_column(dataset: lance.LanceDataset, name: ImageColumn) -> tuple[Keys, list[Any]]:
    """See ``Store.column``."""
    if name in _OF_IMAGES:
        column = _OF_IMAGES[name]
        rows = select(dataset, ["key", column], IMAGES).sort_by("key")
        return _column(rows, column)
    column = _OF_FILES[name]
    files = select(dataset, ["key", column], "path IS NOT NULL")
    least = files.group_by("key").aggregate([(column, "min")]).sort_by("key")
    return _column(least, f"{column}_min")


def _column(rows: Any, name: str) -> tuple[Keys, list[Any]]:
    return rows["key"].to_numpy().astype(np.int64), rows[name].to_pylist()
