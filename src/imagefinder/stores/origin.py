"""Where an unfinished copy comes from, as the store that is being made records it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from imagefinder.errors import CatalogueExists, StoreError, UnfinishedCopy
from imagefinder.registry import recipes
from imagefinder.types import Properties, Recipe


@dataclass(frozen=True)
class Origin:
    """The store that a copy is made of, as it was when the copy was begun."""

    source: str
    """Where it is, for people."""
    id: str
    recipe: Recipe
    extractor: Recipe | None
    other: Recipe | None

    @classmethod
    def of(cls, store: Properties, source: str) -> Origin:
        """Of a store with these properties."""
        other = store.other.recipe if store.other else None
        return cls(source, store.id, store.recipe, store.extractor, other)

    def to_json(self) -> str:
        """As a text."""
        about = {
            "source": self.source,
            "id": self.id,
            "recipe": recipes.to_json(self.recipe),
            "extractor": recipes.to_json(self.extractor) if self.extractor else None,
            "other": recipes.to_json(self.other) if self.other else None,
        }
        return json.dumps(about, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Origin:
        """The inverse. Raises ValueError, TypeError or KeyError if it is invalid."""
        about = json.loads(text)
        extractor, other = about["extractor"], about["other"]
        return cls(
            str(about["source"]),
            str(about["id"]),
            recipes.from_json(about["recipe"]),
            recipes.from_json(extractor) if extractor else None,
            recipes.from_json(other) if other else None,
        )

    def unfinished(self, name: str) -> UnfinishedCopy:
        """The error of opening the copy, which has this name."""
        command = shlex.join(["imagefinder", "copy", self.source, name])
        return UnfinishedCopy(
            f"{name} is an unfinished copy of {self.source}: run {command} again, or remove it"
        )

    def check_begun(self, begun: Origin | None, name: str) -> None:
        """Raise StoreError unless the store of this name is a copy that can go on.

        ``begun`` is the origin that it records; it is whole if there is none.
        """
        if begun is None:
            raise CatalogueExists(
                f"{name} is a catalogue already, and stays as it is: choose another name, or "
                "remove it first"
            )
        if begun.id != self.id:
            raise StoreError(
                f"{name} is an unfinished copy of another catalogue, {begun.source}: choose "
                "another name, or remove it first"
            )
        if (begun.recipe, begun.extractor, begun.other) != (
            self.recipe,
            self.extractor,
            self.other,
        ):
            raise StoreError(
                f"{self.source} has been upgraded since the copy {name} was begun: remove that "
                "and copy it again"
            )
