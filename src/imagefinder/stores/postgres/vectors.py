"""The SQL of embeddings: the table ``vectors``, one row per vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imagefinder._utils.concurrency import batched
from imagefinder.similarity import dtype
from imagefinder.stores.postgres.copy_format import VectorFormat
from imagefinder.stores.postgres.records import OF_KEYS
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.shapes import check_finite, check_shape
from imagefinder.types import Features, Keys, Recipe

VECTORS, OTHER_VECTORS = "{s}.vectors", "{s}.other_vectors"
"""Tables: the second is of an upgrade that is not finished, or keeps the former ones."""

_PAGE = 4000  # images whose vectors are read at a time


def insert_vectors(
    session: Session, features: Mapping[int, Features], recipe: Recipe, table: str = VECTORS
) -> None:
    """Insert the vectors of images, by their keys.

    Raises StoreError for another shape, dtype, or NaN.
    """
    for one in features.values():
        check_shape(one, recipe)
    counts = [len(one) for one in features.values()]
    if not sum(counts):
        return
    keys = np.repeat(np.fromiter(features, np.int64), counts)
    rows = np.concatenate([np.arange(count) for count in counts])
    vectors = np.concatenate(list(features.values()))
    check_finite(vectors)
    data = VectorFormat(recipe).encode(keys, rows, vectors)
    session.copy_in(f"{table} (key, row, embedding)", data)


def select_vectors(
    session: Session, keys: Sequence[int], recipe: Recipe, table: str = VECTORS
) -> dict[int, Features]:
    """The vectors of each of these images, in the order of their rows; none is ``(0, dim)``."""
    found = {key: np.empty((0, recipe.dim), dtype(recipe.measure)) for key in keys}
    for own, vectors in _select(session, OF_KEYS, (list(keys),), recipe, table):
        starts = np.flatnonzero(np.diff(own, prepend=-1))
        found.update(zip(own[starts].tolist(), np.split(vectors, starts[1:]), strict=True))
    return found


@dataclass(frozen=True)
class VectorRows:
    """The stored embeddings as the rows of a synced index."""

    recipe: Recipe
    check: Callable[[Session], None]
    """Raises EncoderChanged if the stored vectors are another encoder's by now."""

    def keys(self, session: Session) -> Keys:
        """See IndexedRows."""
        self.check(session)
        return session.keys("SELECT DISTINCT key FROM {s}.vectors")

    def pages(self, session: Session, new: Keys, all_new: bool) -> Iterator[tuple[Keys, Features]]:
        """See IndexedRows."""
        for page in batched(new.tolist(), _PAGE):
            if all_new:
                found = _select(session, "key BETWEEN %s AND %s", (page[0], page[-1]), self.recipe)
            else:
                found = _select(session, OF_KEYS, (page,), self.recipe)
            yield from found


def _select(
    session: Session,
    condition: str,
    values: Sequence[object],
    recipe: Recipe,
    table: str = VECTORS,
) -> Iterator[tuple[Keys, Features]]:
    """Keys and vectors in their order; all vectors of an image are in one piece."""
    query = f"SELECT key, row, embedding FROM {table} WHERE {condition} ORDER BY key, row"
    held_keys, held = np.empty(0, np.int64), np.empty((0, recipe.dim), dtype(recipe.measure))
    for keys, _, vectors in VectorFormat(recipe).decode(session.copy_out(query, values)):
        keys, vectors = np.concatenate([held_keys, keys]), np.concatenate([held, vectors])
        end = int(np.searchsorted(keys, keys[-1])) if len(keys) else 0
        held_keys, held = keys[end:], vectors[end:]
        if end:
            yield keys[:end], vectors[:end]
    if len(held_keys):
        yield held_keys, held
