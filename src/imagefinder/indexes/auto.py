"""Automatic choice of an index by the size of a catalogue."""

from __future__ import annotations

from importlib.util import find_spec

from imagefinder.types import IndexChoice

_BRUTE_FORCE_BYTES = 2**30
"""Of int8 vectors: two cores compare them all in about a tenth of a second."""


def automatic(rows: int, dim: int) -> tuple[IndexChoice, str]:
    """A choice and the reason for it: exact search while brute force is fast enough."""
    size = f"{rows:,} vectors of {dim} dimensions"
    if rows * dim <= _BRUTE_FORCE_BYTES:
        return IndexChoice("exact"), f"{size}: brute force is fast enough"
    if find_spec("usearch") is None:
        why = f"{size}: hnsw would be faster: pip install 'imagefinder[hnsw]'"
        return IndexChoice("exact"), why
    return IndexChoice("hnsw"), f"{size}: too many for brute force"
