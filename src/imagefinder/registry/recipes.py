"""Recipes and choices as JSON, and back; what comes back may have been written by anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any, get_args

from imagefinder.errors import PluginError
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.types import IndexChoice, Measure, Recipe

_WRITTEN = {"runtime": "place"}  # fields that go by another name in JSON


def to_json(recipe: Recipe) -> str:
    """All of it, as text that a person can read."""
    values = asdict(recipe)
    return json.dumps(
        {_WRITTEN.get(name, name): values[name] for name in values}, ensure_ascii=False
    )


def from_json(text: str) -> Recipe:
    """The recipe. Raises ValueError, TypeError or KeyError if it makes no sense.

    What a later version may have added is left out.
    """
    values = json.loads(text)
    recipe = Recipe(
        **{field.name: values[_WRITTEN.get(field.name, field.name)] for field in fields(Recipe)}
    )
    if recipe.measure not in get_args(Measure) or not 1 <= int(recipe.dim) <= 2**20:
        raise ValueError("its measure or its dim is none")
    if not isinstance(recipe.options, dict) or not isinstance(recipe.runtime, dict):
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


def differences(
    one: Recipe, other: Recipe, make: Callable[[Recipe], Any] = encoder_from
) -> tuple[str, str] | None:
    """Both as text, with just the options in which they differ; ``None`` if they agree.

    ``make`` is ``encoder_from``, or ``extractor_from`` for extractors' recipes.
    """
    if one == other:
        return None
    one, other = _completed(one, make), _completed(other, make)
    if one == other:
        return None
    if one.encoder != other.encoder:
        return one.encoder, other.encoder
    names = {**one.options, **other.options}
    differing = [name for name in names if one.options.get(name) != other.options.get(name)]
    one, other = (
        replace(recipe, options={name: recipe.options.get(name) for name in differing})
        for recipe in (one, other)
    )
    return str(one), str(other)


def _completed(recipe: Recipe, make: Callable[[Recipe], Any]) -> Recipe:
    """With the defaults of options that its maker has gained since."""
    try:
        options = recipe_of(make(recipe)).options
    except PluginError:  # not a registered one: it is compared as it was recorded
        return recipe
    return replace(recipe, options=options)
