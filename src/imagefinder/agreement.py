"""Whether two recipes make the same vectors, and how they differ if not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from imagefinder.errors import PluginError
from imagefinder.registry import encoder_from, recipe_of
from imagefinder.types import Recipe


def told_apart(
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
