"""Another encoder's vectors beside those that are searched, and the exchange of the two.

They are written as they are made, in commits of their own; nothing else reads them. The exchange
is one transaction that renames two tables, so it is quick however many vectors there are, and a
program that dies, a power failure or a full disk leaves either the former or the new vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import apsw

from imagefinder.errors import PluginError, StoreError
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.stores.sqlite import properties, schema
from imagefinder.stores.sqlite.opened_catalogue import OpenedCatalogue
from imagefinder.stores.sqlite.records import delete_images, keys_of, select_stored
from imagefinder.stores.sqlite.vectors import OTHER_VECTORS, insert_vectors
from imagefinder.stores.sqlite.writes import record_write
from imagefinder.types import Features, Keys, OtherVectors, Recipe

_OTHER = "other vectors"  # the property that describes them
_COUNT = "SELECT count(*) FROM other_images"
_MISSING = (
    "SELECT key FROM images WHERE key > ? AND key NOT IN (SELECT key FROM other_images)"
    " ORDER BY key LIMIT ?"
)
_DISCARD = f"DROP TABLE other_vectors; {schema.OTHER_VECTORS}; DELETE FROM other_images"
_EXCHANGE = """
    ALTER TABLE vectors RENAME TO former_vectors;
    ALTER TABLE other_vectors RENAME TO vectors;
    ALTER TABLE former_vectors RENAME TO other_vectors;
"""


@dataclass(frozen=True)
class State:
    """What the property says of the other vectors."""

    recipe: Recipe
    vectors: str
    """Their id; see ``properties.vectors_id``."""
    is_kept: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Texts that are about these vectors, by their names."""

    @classmethod
    def read(cls, connection: apsw.Connection) -> State | None:
        """None if there are no other vectors."""
        text = properties.get_property(connection, _OTHER)
        if text is None:
            return None
        about = json.loads(text)
        recipe = recipes.from_json(about["recipe"])
        return cls(recipe, str(about["vectors"]), bool(about["kept"]), dict(about["metadata"]))

    def write(self, connection: apsw.Connection) -> None:
        """Replace the property."""
        about: dict[str, Any] = {
            "recipe": recipes.to_json(self.recipe),
            "vectors": self.vectors,
            "kept": self.is_kept,
            "metadata": dict(self.metadata),
        }
        properties.set_property(connection, _OTHER, json.dumps(about, ensure_ascii=False))


def other_vectors(connection: apsw.Connection) -> OtherVectors | None:
    """See Upgradable."""
    state = State.read(connection)
    if state is None:
        return None
    return OtherVectors(state.recipe, state.is_kept, int(connection.execute(_COUNT).get))


def discard(connection: apsw.Connection) -> None:
    """See ``Upgradable.discard_other_vectors``."""
    connection.execute(_DISCARD)
    properties.delete_property(connection, _OTHER)


class VectorUpgrade:
    """See ``types.Upgrade``."""

    def __init__(self, opened: Callable[[], OpenedCatalogue], recipe: Recipe) -> None:
        """Begins it, or goes on with one that was begun, in the file that is there at the time.

        Raises StoreError.
        """
        self.recipe = recipe
        self._current = opened
        self._held: apsw.Connection | None = None
        now = opened()
        with now.writing() as connection, now.connections.decoding():
            state = State.read(connection) or State(recipe, uuid4().hex)
            if state.recipe != recipe:
                raise StoreError(_occupied(state))
            replace(state, recipe=recipe).write(connection)  # the model may have moved
            self._vectors = state.vectors

    def count(self) -> int:
        """See Upgrade."""
        with self._reading() as connection:
            return int(connection.execute(_COUNT).get)

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """See Upgrade."""
        with self._reading() as connection:
            most = -1 if limit is None else limit
            return keys_of(connection.execute(_MISSING, (after, most)))

    def write(self, features: Mapping[int, Features]) -> None:
        """See Upgrade."""
        with self._writing() as connection:
            for key in select_stored(connection, list(features)):
                sql = "INSERT OR IGNORE INTO other_images (key) VALUES (?) RETURNING 1"
                if connection.execute(sql, (key,)).fetchall():  # or another program was quicker
                    insert_vectors(connection, key, features[key], self.recipe, OTHER_VECTORS)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """See Upgrade."""
        with self._writing() as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    def switch(self, keep: bool, drop: Sequence[int], metadata: Sequence[str]) -> None:
        """See Upgrade."""
        with self._writing() as connection:
            delete_images(connection, drop)
            if len(keys_of(connection.execute(_MISSING, (-1, 1)))):
                raise StoreError("some images have no new vectors: run the upgrade again")
            self._exchange(connection, keep, metadata)

    def _exchange(self, connection: apsw.Connection, keep: bool, metadata: Sequence[str]) -> None:
        state = self._state(connection)
        before = properties.vectors_id(connection)
        texts = {name: properties.get_metadata(connection, name) for name in metadata}
        for name in texts:
            properties.delete_metadata(connection, name)
        for name, text in state.metadata.items():
            properties.set_metadata(connection, name, text)
        connection.execute(_EXCHANGE)
        properties.set_property(connection, "recipe", recipes.to_json(self.recipe))
        properties.set_property(connection, "vectors", self._vectors)
        forget_index(connection, self.recipe)
        # no index that was saved before knows any write that there is now, so none is taken for one
        # of the new vectors
        connection.execute("DELETE FROM writes")
        record_write(connection)
        if keep:
            former = {name: text for name, text in texts.items() if text is not None}
            State(self._current().recipe, before, True, former).write(connection)
        else:
            discard(connection)

    def _state(self, connection: apsw.Connection) -> State:
        with self._current().connections.decoding():
            state = State.read(connection)
        if state is None or state.vectors != self._vectors:
            raise StoreError("another program has given up this upgrade: run it again")
        return state

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        if self._held is not None:
            yield self._held
            return
        with self._current().reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        if self._held is not None:
            yield self._held
            return
        with self._current().writing() as connection:
            self._state(connection)
            yield connection


def _occupied(state: State) -> str:
    name = state.recipe.encoder
    if state.is_kept:
        return (
            f"the vectors of {name} are kept in it: go back to them with imagefinder upgrade "
            "--back, or give them up with imagefinder upgrade --discard"
        )
    return (
        f"an upgrade to {state.recipe} is not finished: run that one again, or give it up with "
        "imagefinder upgrade --discard"
    )


def forget_index(connection: apsw.Connection, recipe: Recipe) -> None:
    """Leave the chosen kind of index if it cannot compare the vectors of a recipe."""
    choice = recipes.choice_from_json(properties.get_property(connection, "index"))
    try:
        check_index_choice(choice, recipe.dim, recipe.measure)
    except PluginError:
        properties.delete_property(connection, "index")
