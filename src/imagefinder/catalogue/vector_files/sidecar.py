"""Recipe sidecar: the encoder of exported vectors, as a JSON file beside them."""

from __future__ import annotations

from pathlib import Path

from imagefinder.catalogue.vector_files.errors import translate_errors
from imagefinder.registry import recipes
from imagefinder.types import Recipe

_LARGEST = 2**20  # bytes


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a new JSON file."""
    path.write_text(recipes.to_json(recipe) + "\n", encoding="utf-8")


def read_recipe(path: Path) -> Recipe | None:
    """The recipe, ``None`` if there is no file. Raises ExchangeError for other content."""
    with translate_errors(path.name):
        if not path.exists():
            return None
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large for a recipe")
        return parse_recipe(path.read_text(encoding="utf-8"), path.name)


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe in a text. Raises ExchangeError."""
    with translate_errors(f"{where} does not contain a recipe"):
        return recipes.from_json(text)
