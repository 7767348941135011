"""The SQL of counts and sizes."""

from __future__ import annotations

from imagefinder.stores.postgres.session import Session
from imagefinder.types import Statistics

_COUNTED = ("images", "files", "vectors", "signatures")
_SIZE = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
    " WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
)
_LOCAL = "SELECT coalesce(sum(length(features)), 0)::bigint FROM {s}.local_features"


def select_statistics(session: Session) -> Statistics:
    """See ``Store.statistics``."""
    images, files, vectors, signatures = (
        int(session.value(f"SELECT count(*) FROM {{s}}.{table}")) for table in _COUNTED
    )
    size, local = session.value(_SIZE, (session.schema,)), session.value(_LOCAL)
    return Statistics(images, files, vectors, int(size), int(local), signatures)
