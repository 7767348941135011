"""One value of every image, for listings."""

from __future__ import annotations

from typing import Any

import apsw
import numpy as np

from imagefinder.types import ImageColumn, Keys

_SQL: dict[ImageColumn, str] = {
    "added": "SELECT key, version FROM images ORDER BY key",
    "size": "SELECT key, size FROM images ORDER BY key",
    "metadata": "SELECT key, metadata FROM images ORDER BY key",
    "date": "SELECT key, min(mtime_ns) FROM files GROUP BY key",
    "path": "SELECT key, min(path) FROM files GROUP BY key",
}


def select_column(connection: apsw.Connection, name: ImageColumn) -> tuple[Keys, list[Any]]:
    """See ``Store.column``."""
    rows = connection.execute(_SQL[name]).fetchall()
    return np.fromiter((key for key, _ in rows), np.int64, len(rows)), [one for _, one in rows]
