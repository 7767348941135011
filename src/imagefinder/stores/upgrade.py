"""Another encoder's vectors beside those that are searched, and the exchange of the two.

They are written as they are made, in commits of their own; nothing else reads them. The exchange
is one transaction that renames two tables, so it is quick however many vectors there are, and a
program that dies, a power failure or a full disk leaves either the former or the new vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

from imagefinder.errors import CatalogueDamaged, PluginError, StoreError
from imagefinder.registry import recipes
from imagefinder.registry.factory import check_index_choice
from imagefinder.stores.property_names import VECTORS_ID, metadata_property
from imagefinder.types import Features, IndexChoice, Keys, OtherVectors, Recipe

OTHER = "other vectors"
"""The property that describes them."""


class UpgradeRows(Protocol):
    """The rows of a store inside one transaction, as an upgrade needs them."""

    def get_property(self, name: str) -> str | None:
        """A text about the catalogue, if it is set."""

    def set_property(self, name: str, value: str) -> None:
        """Insert it, or replace its value."""

    def delete_property(self, name: str) -> None:
        """Delete it, if it is set."""

    def count(self) -> int:
        """How many images have other vectors."""

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """The keys of images without, ascending: at most ``limit`` after a key."""

    def prepare(self, recipe: Recipe) -> None:
        """Before the first other vectors are stored, by this encoder."""

    def insert(self, features: Mapping[int, Features], recipe: Recipe) -> None:
        """Other vectors of images that are stored and have none."""

    def exchange(self) -> None:
        """Let the other vectors be the store's, and those the others; as one new write."""

    def discard(self) -> None:
        """Delete all other vectors."""

    def delete_images(self, keys: Sequence[int]) -> int:
        """Delete images; the number of those that were stored."""


class Opened(Protocol):
    """A store as it was opened; the rows are good for one transaction each."""

    @property
    def recipe(self) -> Recipe:
        """Of the vectors that it was opened for."""

    def upgrade_reading(self) -> AbstractContextManager[UpgradeRows]:
        """Rows to read. Raises EncoderChanged."""

    def upgrade_writing(self) -> AbstractContextManager[UpgradeRows]:
        """Rows to write. Raises EncoderChanged."""


@dataclass(frozen=True)
class State:
    """What the property says of the other vectors."""

    recipe: Recipe
    vectors: str
    """Their id; see ``property_names.VECTORS_ID``."""
    is_kept: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Texts that are about these vectors, by their names."""

    @classmethod
    def read(cls, rows: UpgradeRows) -> State | None:
        """None if there are no other vectors. Raises CatalogueDamaged."""
        text = rows.get_property(OTHER)
        return None if text is None else cls.from_json(text)

    @classmethod
    def from_json(cls, text: str) -> State:
        """The inverse of ``to_json``. Raises CatalogueDamaged."""
        try:
            about = json.loads(text)
            recipe = recipes.from_json(about["recipe"])
            return cls(recipe, str(about["vectors"]), bool(about["kept"]), dict(about["metadata"]))
        except (ValueError, TypeError, KeyError) as error:
            raise CatalogueDamaged(
                "what describes the upgrade is damaged: give it up with imagefinder upgrade "
                "--discard"
            ) from error

    def write(self, rows: UpgradeRows) -> None:
        """Replace the property."""
        rows.set_property(OTHER, self.to_json())

    def to_json(self) -> str:
        """As a text."""
        about: dict[str, Any] = {
            "recipe": recipes.to_json(self.recipe),
            "vectors": self.vectors,
            "kept": self.is_kept,
            "metadata": dict(self.metadata),
        }
        return json.dumps(about, ensure_ascii=False)


def other_vectors(rows: UpgradeRows) -> OtherVectors | None:
    """See Upgradable."""
    state = State.read(rows)
    return None if state is None else OtherVectors(state.recipe, state.is_kept, rows.count())


def discard(rows: UpgradeRows) -> None:
    """See ``Upgradable.discard_other_vectors``."""
    rows.discard()
    rows.delete_property(OTHER)


class VectorUpgrade:
    """See ``types.Upgrade``."""

    def __init__(self, opened: Callable[[], Opened], recipe: Recipe) -> None:
        """Begins it, or goes on with one that was begun, in the catalogue as it is at the time.

        Raises StoreError.
        """
        self.recipe = recipe
        self._current = opened
        self._held: UpgradeRows | None = None
        with opened().upgrade_writing() as rows:
            begun = State.read(rows)
            state = begun or State(recipe, uuid4().hex)
            if state.recipe != recipe:
                raise StoreError(_occupied(state))
            if begun is None:
                rows.prepare(recipe)
            replace(state, recipe=recipe).write(rows)  # the model may have moved
            self._vectors = state.vectors

    def count(self) -> int:
        """See Upgrade."""
        with self._reading() as rows:
            return rows.count()

    def missing(self, after: int = -1, limit: int | None = None) -> Keys:
        """See Upgrade."""
        with self._reading() as rows:
            return rows.missing(after, limit)

    def write(self, features: Mapping[int, Features]) -> None:
        """See Upgrade."""
        with self._writing() as rows:
            rows.insert(features, self.recipe)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """See Upgrade."""
        with self._writing() as rows:
            self._held = rows
            try:
                yield
            finally:
                self._held = None

    def switch(self, keep: bool, drop: Sequence[int], metadata: Sequence[str]) -> None:
        """See Upgrade."""
        with self._writing() as rows:
            rows.delete_images(drop)
            if len(rows.missing(limit=1)):
                raise StoreError("some images have no new vectors: run the upgrade again")
            self._exchange(rows, keep, metadata)

    def _exchange(self, rows: UpgradeRows, keep: bool, metadata: Sequence[str]) -> None:
        state = self._state(rows)
        before = rows.get_property(VECTORS_ID) or ""
        names = {name: metadata_property(name) for name in metadata}
        texts = {name: rows.get_property(own) for name, own in names.items()}
        for own in names.values():
            rows.delete_property(own)
        for name, text in state.metadata.items():
            rows.set_property(metadata_property(name), text)
        rows.exchange()
        rows.set_property("recipe", recipes.to_json(self.recipe))
        rows.set_property(VECTORS_ID, self._vectors)
        _forget_index(rows, self.recipe)
        if keep:
            former = {name: text for name, text in texts.items() if text is not None}
            State(self._current().recipe, before, True, former).write(rows)
        else:
            discard(rows)

    def _state(self, rows: UpgradeRows) -> State:
        state = State.read(rows)
        if state is None or state.vectors != self._vectors:
            raise StoreError("another program has given up this upgrade: run it again")
        return state

    @contextmanager
    def _reading(self) -> Iterator[UpgradeRows]:
        if self._held is not None:
            yield self._held
            return
        with self._current().upgrade_reading() as rows:
            yield rows

    @contextmanager
    def _writing(self) -> Iterator[UpgradeRows]:
        if self._held is not None:
            yield self._held
            return
        with self._current().upgrade_writing() as rows:
            self._state(rows)
            yield rows


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


def _forget_index(rows: UpgradeRows, recipe: Recipe) -> None:
    """Leave the chosen kind of index if it cannot compare the new vectors."""
    choice = recipes.choice_from_json(rows.get_property("index"))
    if not suits(choice, recipe):
        rows.delete_property("index")


def suits(choice: IndexChoice, recipe: Recipe) -> bool:
    """Whether a kind of index can compare the vectors of a recipe."""
    try:
        check_index_choice(choice, recipe.dim, recipe.measure)
    except PluginError:
        return False
    return True
