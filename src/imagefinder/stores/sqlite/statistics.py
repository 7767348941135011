"""The SQL of counts and sizes."""

from __future__ import annotations

import apsw

from imagefinder.types import Statistics


def select_statistics(connection: apsw.Connection) -> Statistics:
    """See ``Store.statistics``."""
    images, files, vectors, signatures = (
        int(connection.execute(f"SELECT count(*) FROM {table}").get)
        for table in ("images", "files", "vectors", "signatures")
    )
    size = int(connection.pragma("page_count")) * int(connection.pragma("page_size"))
    local = connection.execute("SELECT total(length(features)) FROM local_features").get
    return Statistics(images, files, vectors, size, int(local), signatures)
