"""The file of a PCA projection, beside a catalogue whose vectors are reduced by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from imagefinder.encoders.regions import whole_recipe
from imagefinder.errors import StoreError
from imagefinder.types import Recipe

_ENCODER = "reduced"


def beside(catalogue: Path) -> Path:
    """Where the projection of a catalogue's vectors is saved."""
    return catalogue.with_name(f"{catalogue.name}.pca.npz")


def check_place(file: Path, data: bytes) -> None:
    """Raises StoreError for another projection in its place."""
    if file.exists() and file.read_bytes() != data:
        raise StoreError(
            f"{file} is there already, and a catalogue may need it: choose another path"
        )


def projection_of(recipe: Recipe) -> Path | None:
    """The file that an encoder, perhaps one of regions, needs; None for one that needs none."""
    if whole_recipe(recipe).encoder != _ENCODER:
        return None
    return Path(str(_place(recipe)["path"]))


def with_projection(recipe: Recipe, file: Path) -> Recipe:
    """The same encoder, with its projection in another place."""
    runtime = {**_place(recipe), "path": str(file)}
    return replace(recipe, runtime={"runtime": runtime} if _nests(recipe) else runtime)


def _place(recipe: Recipe) -> dict[str, Any]:
    return dict(recipe.runtime["runtime"] if _nests(recipe) else recipe.runtime)


def _nests(recipe: Recipe) -> bool:
    """Whether it is of regions: the runtime is the other encoder's."""
    return recipe.encoder != _ENCODER
