"""The vectors of images out of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagefinder._utils.concurrency import batched
from imagefinder.similarity import dtype
from imagefinder.stores.lance.selection import VECTORS, as_integers, select_by_keys
from imagefinder.types import Features, Keys, Recipe

_PAGE = 2000  # images whose vectors are read at a time
_MANY = 8  # where more images than one in so many are wanted, all rows are read in their order
_BATCH = 8192  # rows


def vectors_of(column: pa.ChunkedArray) -> Features:
    """A column of vectors as a matrix; rows without one are anything."""
    width, kind = column.type.list_size, column.type.value_type.to_pandas_dtype()
    parts = [
        chunk.values.slice(chunk.offset * width, len(chunk) * width)
        .to_numpy(zero_copy_only=False)
        .reshape(-1, width)
        for chunk in column.chunks
    ]
    return np.concatenate(parts) if parts else np.empty((0, width), kind)


def vector_array(vectors: Sequence[Features | None], kind: pa.DataType) -> pa.Array:
    """The inverse; None is null."""
    matrix = np.zeros((len(vectors), kind.list_size), kind.value_type.to_pandas_dtype())
    for place, vector in enumerate(vectors):
        if vector is not None:
            matrix[place] = vector
    return masked_vectors(matrix, np.array([vector is not None for vector in vectors]), kind)


def masked_vectors(
    matrix: Features, has_vector: NDArray[np.bool_], kind: pa.DataType
) -> pa.FixedSizeListArray:
    """A column of the rows of a matrix; null where there is no vector."""
    mask = None if has_vector.all() else pa.array(~has_vector)
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), type=kind, mask=mask)


def select_vectors(
    dataset: lance.LanceDataset, keys: Sequence[int], recipe: Recipe
) -> dict[int, Features]:
    """The vectors of each of these images that are stored, in their order; none is ``(0, dim)``."""
    rows = select_by_keys(dataset, ["key", "ordinal", "has_vector", "vector"], keys)
    order = np.lexsort((as_integers(rows["ordinal"]), as_integers(rows["key"])))
    has_vector = rows["has_vector"].to_numpy()
    own, vectors = as_integers(rows["key"])[order], vectors_of(rows["vector"])[order]
    found = {key: np.empty((0, recipe.dim), dtype(recipe.measure)) for key in own.tolist()}
    kept = has_vector[order].astype(np.bool_)
    return found | dict(grouped(own[kept], vectors[kept]))


def grouped(keys: Keys, vectors: Features) -> Iterator[tuple[int, Features]]:
    """The rows of each key; ``keys`` are ascending."""
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    if not len(starts):
        return
    yield from zip(keys[starts].tolist(), np.split(vectors, starts[1:]), strict=True)


def pages_of_vectors(
    dataset: lance.LanceDataset, wanted: Keys, stored: Keys
) -> Iterator[tuple[Keys, Features]]:
    """See ``IndexedRows.pages``; ``stored`` are the keys of all rows with a vector, ascending."""
    if len(wanted) * _MANY < len(stored):
        yield from _by_keys(dataset, wanted)
        return
    _, starts, counts = np.unique(stored, return_index=True, return_counts=True)
    several = np.intersect1d(wanted, stored[starts[counts > 1]], True)
    single = np.setdiff1d(wanted, several, True)
    scanner = dataset.scanner(columns=["key", "vector"], filter=VECTORS, batch_size=_BATCH)
    for batch in scanner.to_batches():
        rows = pa.table(batch)
        keys = as_integers(rows["key"])
        kept = _are_in(keys, single)
        if kept.any():
            order = np.argsort(keys[kept])
            yield keys[kept][order], vectors_of(rows["vector"])[kept][order]
    yield from _by_keys(dataset, several)


def _are_in(keys: Keys, some: Keys) -> NDArray[np.bool_]:
    """Which keys are among some that are ascending, which ``np.isin`` would sort each time."""
    if not len(some):
        return np.zeros(len(keys), np.bool_)
    found: NDArray[np.bool_] = some[np.searchsorted(some[:-1], keys)] == keys
    return found


def _by_keys(dataset: lance.LanceDataset, wanted: Keys) -> Iterator[tuple[Keys, Features]]:
    for page in batched(wanted.tolist(), _PAGE):
        rows = select_by_keys(dataset, ["key", "ordinal", "vector"], page, VECTORS)
        keys = as_integers(rows["key"])
        order = np.lexsort((as_integers(rows["ordinal"]), keys))
        yield keys[order], vectors_of(rows["vector"])[order]
