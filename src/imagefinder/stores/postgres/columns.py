"""One value of every image, for listings."""

from __future__ import annotations

from typing import Any

import numpy as np

from imagefinder.stores.postgres.session import Session
from imagefinder.types import ImageColumn, Keys

_SQL: dict[ImageColumn, str] = {
    "added": "SELECT key, version FROM {s}.images ORDER BY key",
    "size": "SELECT key, size FROM {s}.images ORDER BY key",
    "metadata": "SELECT key, metadata_text FROM {s}.images ORDER BY key",
    "date": "SELECT key, min(mtime_ns) FROM {s}.files GROUP BY key ORDER BY key",
    "path": "SELECT key, min(path) FROM {s}.files GROUP BY key ORDER BY key",
}


def select_column(session: Session, name: ImageColumn) -> tuple[Keys, list[Any]]:
    """See ``Store.column``."""
    rows = list(session.rows(_SQL[name]))
    return np.fromiter((key for key, _ in rows), np.int64, len(rows)), [one for _, one in rows]
