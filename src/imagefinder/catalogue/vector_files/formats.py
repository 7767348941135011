"""Formats of vector files: NumPy, Parquet, FiftyOne or a folder, chosen by the suffix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from imagefinder.catalogue.vector_files.fiftyone import SAMPLES, FiftyOne
from imagefinder.catalogue.vector_files.folder import Folder
from imagefinder.catalogue.vector_files.layout import Layout
from imagefinder.catalogue.vector_files.npy import NpyFile
from imagefinder.catalogue.vector_files.parquet import Parquet
from imagefinder.catalogue.vector_files.row import ImageVectors
from imagefinder.errors import ExchangeError, RecipeMismatch
from imagefinder.images.inputs import absolute
from imagefinder.registry.recipes import differences
from imagefinder.types import Features, Recipe, Record


class VectorFile(Protocol):
    """A file or folder of vectors with the metadata of their images, to read or to write."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet."""

    @property
    def path(self) -> Path:
        """As named by the user."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that ``write`` creates."""

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the encoder, if it is recorded. Raises ExchangeError."""

    @property
    def layout(self) -> Layout | None:
        """Of its vectors; ``None`` if there are none. Raises ExchangeError."""

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the files, which must not exist, a few images at a time."""

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image, a few at a time. Raises ExchangeError for vectors that do not fit."""


_KINDS: dict[str, type[NpyFile] | type[Parquet] | type[FiftyOne] | type[Folder]] = {
    ".npy": NpyFile,
    ".parquet": Parquet,
    ".fiftyone": FiftyOne,
    "": Folder,
}


def vector_file(path: str | os.PathLike[str]) -> VectorFile:
    """The format of a path, existing or not. Raises ExchangeError for an unknown suffix."""
    whole = absolute(path)
    if whole.name == SAMPLES and whole.is_file():
        whole = whole.parent
    kind = _kind_of_folder(whole) if whole.is_dir() else _KINDS.get(whole.suffix.lower())
    if kind is None:
        raise ExchangeError(
            f"{whole.name}: the name must end with .npy, .parquet or .fiftyone, or have no suffix "
            "for a folder"
        )
    return kind(whole)


def _kind_of_folder(path: Path) -> type[FiftyOne] | type[Folder]:
    is_fiftyone = path.suffix.lower() == ".fiftyone" or (path / SAMPLES).exists()
    return FiftyOne if is_fiftyone else Folder


def check(target: VectorFile, recipe: Recipe) -> None:
    """Read everything; raises ExchangeError or RecipeMismatch unless it fits the recipe."""
    if not target.path.exists():
        raise ExchangeError(f"{target.path} does not exist")
    recorded = target.recipe
    apart = differences(recipe, recorded) if recorded else None
    if apart:
        raise RecipeMismatch(
            f"the catalogue was made with {apart[0]}, but the vectors in {target.path.name} with "
            f"{apart[1]}: import them into another catalogue"
        )
    for _ in target.read(recipe):
        pass
