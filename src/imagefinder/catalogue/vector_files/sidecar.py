"""The recipe of exported vectors, as a file beside them."""

from __future__ import annotations

from pathlib import Path

from imagefinder.catalogue.vector_files.errors import told
from imagefinder.registry import recipes
from imagefinder.types import Recipe

_LARGEST = 2**20  # bytes


def write_recipe(path: Path, recipe: Recipe) -> None:
    """A new file that a person can read."""
    path.write_text(recipes.to_json(recipe) + "\n", encoding="utf-8")


def read_recipe(path: Path) -> Recipe | None:
    """``None`` if there is no such file; raises ExchangeError if it is something else."""
    with told(path.name):
        if not path.exists():
            return None
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large for an encoder's recipe")
        return recipe_in(path.read_text(encoding="utf-8"), path.name)


def recipe_in(text: str, where: str) -> Recipe:
    """The recipe that is written so. Raises ExchangeError."""
    with told(f"{where} has no encoder's recipe in it"):
        return recipes.from_json(text)
