"""Where vectors are exchanged: the forms that there are, told by the name's ending."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from imagefinder.catalogue.vector_files.folder import Folder
from imagefinder.catalogue.vector_files.npy import Matrix
from imagefinder.catalogue.vector_files.parquet import Parquet
from imagefinder.catalogue.vector_files.row import ImageRow
from imagefinder.errors import ExchangeError, RecipeMismatch
from imagefinder.images.inputs import absolute
from imagefinder.registry.recipes import differences
from imagefinder.types import Features, Recipe, Record


class Place(Protocol):
    """A file or a folder that holds, or shall hold, vectors and what is known of their images."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet."""

    @property
    def path(self) -> Path:
        """What the user calls it."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that ``write`` makes."""

    @property
    def recipe(self) -> Recipe | None:
        """How the vectors were made, if that is said. Raises ExchangeError."""

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Make what must not be there yet, holding no more in memory than some images."""

    def read(self, recipe: Recipe) -> Iterator[ImageRow]:
        """Each image, if the vectors are of the recipe's kind, likewise. Raises ExchangeError."""


_KINDS: dict[str, type[Matrix] | type[Parquet] | type[Folder]] = {
    ".npy": Matrix,
    ".parquet": Parquet,
    "": Folder,
}


def place_of(path: str | os.PathLike[str]) -> Place:
    """By its name, whether it is there or not. Raises ExchangeError for an unknown ending."""
    whole = absolute(path)
    kind = Folder if whole.is_dir() else _KINDS.get(whole.suffix.lower())
    if kind is None:
        raise ExchangeError(
            f"{whole.name}: end the name with .npy or .parquet, or with neither for a folder"
        )
    return kind(whole)


def check(place: Place, recipe: Recipe) -> None:
    """Read all of it, and raise ExchangeError or RecipeMismatch unless it fits the recipe."""
    if not place.path.exists():
        raise ExchangeError(f"there is no {place.path}")
    theirs = place.recipe
    apart = differences(recipe, theirs) if theirs else None
    if apart:
        raise RecipeMismatch(
            f"the catalogue was made with {apart[0]}, but the vectors in {place.path.name} with "
            f"{apart[1]}: import them into another catalogue"
        )
    for _ in place.read(recipe):
        pass
