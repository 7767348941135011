"""Folder format: one .npy file per image and an index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagefinder.catalogue.vector_files.csv_table import read_rows, table_writer
from imagefinder.catalogue.vector_files.layout import Layout, layout_of
from imagefinder.catalogue.vector_files.npy import open_npy
from imagefinder.catalogue.vector_files.row import (
    COLUMNS,
    ImageVectors,
    check_vectors,
    to_cells,
    to_image,
)
from imagefinder.catalogue.vector_files.sidecar import read_recipe, write_recipe
from imagefinder.types import Features, Recipe, Record

_OURS = re.compile(r"[0-9a-f]{16}\.npy|index\.csv|recipe\.json|samples\.json|metadata\.json")


@dataclass(frozen=True)
class Folder:
    """``ID.npy`` for each image, ``index.csv`` with a row for each, and ``recipe.json``."""

    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The folder itself."""
        return (self.path,)

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the encoder, if it is recorded."""
        return read_recipe(self.path / "recipe.json")

    @property
    def layout(self) -> Layout | None:
        """Of the first image."""
        for line in read_rows(self.path / "index.csv"):
            name = f"{line.id}.npy"
            return layout_of(open_npy(self.path / name), name)
        return None

    def write(self, recipe: Recipe, images: Iterable[tuple[Record, Features]]) -> None:
        """Create the folder, which must not exist."""
        self.path.mkdir()
        with table_writer(self.path / "index.csv", COLUMNS) as table:
            for record, features in images:
                np.save(self.path / f"{record.id}.npy", features, allow_pickle=False)
                table.writerow(to_cells(record))
        write_recipe(self.path / "recipe.json", recipe)

    def read(self, recipe: Recipe) -> Iterator[ImageVectors]:
        """Every image. Raises ExchangeError for vectors that do not fit the recipe."""
        for line in read_rows(self.path / "index.csv"):
            name = f"{line.id}.npy"
            features = open_npy(self.path / name)
            check_vectors(features, recipe, name)
            yield to_image(line, features.copy())  # a copy, so that few files are open at once


def is_export(path: Path) -> bool:
    """Whether a folder contains nothing but an export."""
    return all(_OURS.fullmatch(entry.name) for entry in path.iterdir())
