"""A folder with a file of vectors for each image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagefinder.catalogue.vector_files.csv_table import lines_of, written_table
from imagefinder.catalogue.vector_files.npy import mapped
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    ImageRow,
    cells_of,
    check_kind,
    image_of,
)
from imagefinder.catalogue.vector_files.sidecar import read_recipe, write_recipe
from imagefinder.types import Features, Recipe, Record

_OURS = re.compile(r"[0-9a-f]{16}\.npy|index\.csv|recipe\.json")


@dataclass(frozen=True)
class Folder:
    """``ID.npy`` for each image, ``index.csv`` with a line for each, and ``recipe.json``."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """All that ``write`` makes: the folder itself."""
        return (self.path,)

    @property
    def recipe(self) -> Recipe | None:
        """How the vectors were made, if that is said."""
        return read_recipe(self.path / "recipe.json")

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Make the folder, which must not be there."""
        self.path.mkdir()
        with written_table(self.path / "index.csv", COLUMNS) as table:
            for record, features in images:
                np.save(self.path / f"{record.id}.npy", features, allow_pickle=False)
                table.writerow(cells_of(record))
        write_recipe(self.path / "recipe.json", recipe)

    def read(self, recipe: Recipe) -> Iterator[ImageRow]:
        """Each image, if the vectors are of the recipe's kind. Raises ExchangeError."""
        for line in lines_of(self.path / "index.csv"):
            name = f"{line.id}.npy"
            features = mapped(self.path / name)
            check_kind(features, recipe, name)
            yield image_of(line, features.copy())  # a copy, so that few files are open at a time


def is_export(path: Path) -> bool:
    """Whether nothing else is in a folder than what ``Folder.write`` makes."""
    return all(_OURS.fullmatch(entry.name) for entry in path.iterdir())
