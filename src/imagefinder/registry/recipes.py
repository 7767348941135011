"""Recipes and index choices as JSON, validated when read: anyone may have written them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any, get_args

from imagefinder.errors import PluginError
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.types import IndexChoice, Measure, Recipe

_JSON_NAMES = {"runtime": "place"}  # fields with another name in JSON


def to_json(recipe: Recipe) -> str:
    """The recipe as readable JSON."""
    values = asdict(recipe)
    return json.dumps(
        {_JSON_NAMES.get(name, name): values[name] for name in values}, ensure_ascii=False
    )


def from_json(text: str) -> Recipe:
    """The recipe. Raises ValueError, TypeError or KeyError if it is invalid.

    Keys added by a later version are ignored.
    """
    values = json.loads(text)
    recipe = Recipe(
        **{field.name: values[_JSON_NAMES.get(field.name, field.name)] for field in fields(Recipe)}
    )
    if recipe.measure not in get_args(Measure) or not 1 <= int(recipe.dim) <= 2**20:
        raise ValueError("invalid measure or dim")
    if not isinstance(recipe.options, dict) or not isinstance(recipe.runtime, dict):
        raise TypeError("invalid options")
    if not isinstance(recipe.encoder, str):
        raise TypeError("invalid encoder name")
    return recipe


def choice_to_json(choice: IndexChoice) -> str:
    """The choice as JSON."""
    return json.dumps(asdict(choice), ensure_ascii=False)


def choice_from_json(text: str | None) -> IndexChoice:
    """The choice, or the default for ``None``. Raises as ``from_json`` does."""
    if text is None:
        return IndexChoice()
    values = json.loads(text)
    choice = IndexChoice(values["kind"], values["options"])
    if not isinstance(choice.kind, str) or not isinstance(choice.options, dict):
        raise TypeError("invalid kind of index")
    return choice


def differences(
    one: Recipe, other: Recipe, make: Callable[[Recipe], Any] = encoder_from
) -> tuple[str, str] | None:
    """Both as text, with only the options that differ; ``None`` if they agree.

    ``make`` is ``encoder_from``, or ``extractor_from`` for extractors' recipes.
    """
    if one == other:
        return None
    one, other = _with_defaults(one, make), _with_defaults(other, make)
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


def _with_defaults(recipe: Recipe, make: Callable[[Recipe], Any]) -> Recipe:
    """With the defaults of options added since the recipe was recorded."""
    try:
        options = recipe_of(make(recipe)).options
    except PluginError:  # not registered: it is compared as recorded
        return recipe
    return replace(recipe, options=options)
