"""Which kind of index suits a catalogue, by its size."""

from __future__ import annotations

from importlib.util import find_spec

from imagefinder.types import IndexChoice

_QUICK = 2**30
"""Bytes of 8-bit rows that two cores look through in about a tenth of a second."""


def automatic(rows: int, dim: int) -> tuple[IndexChoice, str]:
    """A choice, and why: exact as long as that is quick."""
    size = f"{rows:,} rows of {dim}"
    if rows * dim <= _QUICK:
        return IndexChoice("exact"), f"{size} are quickly compared, all of them"
    if find_spec("usearch") is None:
        why = f"{size} would be found faster by hnsw: pip install 'imagefinder[hnsw]'"
        return IndexChoice("exact"), why
    return IndexChoice("hnsw"), f"{size} are too many to compare each time"
