"""Recipes and choices as JSON, and back; what comes back may have been written by anybody."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import get_args

from imagefinder.types import IndexChoice, Measure, Recipe


def to_json(recipe: Recipe) -> str:
    """All of it, as text that a person can read."""
    return json.dumps(asdict(recipe), ensure_ascii=False)


def from_json(text: str) -> Recipe:
    """The recipe. Raises ValueError, TypeError or KeyError if it makes no sense.

    What a later version may have added is left out.
    """
    values = json.loads(text)
    recipe = Recipe(**{field.name: values[field.name] for field in fields(Recipe)})
    if recipe.measure not in get_args(Measure) or not 1 <= int(recipe.dim) <= 2**20:
        raise ValueError("its measure or its dim is none")
    if not isinstance(recipe.options, dict) or not isinstance(recipe.place, dict):
        raise TypeError("its options are none")
    if not isinstance(recipe.encoder, str):
        raise TypeError("its encoder has no name")
    return recipe


def choice_to_json(choice: IndexChoice) -> str:
    """All of it."""
    return json.dumps(asdict(choice), ensure_ascii=False)


def choice_from_json(text: str | None) -> IndexChoice:
    """The choice, or the usual one if none was made. Raises as ``from_json`` does."""
    if text is None:
        return IndexChoice()
    values = json.loads(text)
    choice = IndexChoice(values["kind"], values["options"])
    if not isinstance(choice.kind, str) or not isinstance(choice.options, dict):
        raise TypeError("its kind of index is none")
    return choice
