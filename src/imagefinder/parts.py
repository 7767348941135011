"""What a catalogue was made with, found again; and nothing else may be used with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from imagefinder.errors import PluginError, RecipeMismatch, UnknownPlugin
from imagefinder.registry import (
    encoder_from,
    extractor_from,
    make_encoder,
    make_extractor,
    recipe_of,
)
from imagefinder.types import Encoder, Extractor, Recipe, Store

Maker = TypeVar("Maker", bound="Encoder | Extractor")


def encoder_for(store: Store, given: str | Encoder | None) -> Encoder:
    """The encoder that made the store's vectors, found again or given.

    Raises RecipeMismatch if another is given.
    """
    if given is None:
        encoder = _found_again(encoder_from, store.recipe)
    else:
        encoder = make_encoder(given) if isinstance(given, str) else given
    _check(encoder, store.recipe, encoder_from)
    return encoder


def extractor_for(store: Store, given: str | Extractor | None) -> Extractor | None:
    """The extractor of the store's local features, likewise; ``None`` if it keeps none."""
    if store.extractor is None:
        if given is not None:
            raise RecipeMismatch(
                "the catalogue was made without local features: make another one for them"
            )
        return None
    if given is None:
        extractor = _found_again(extractor_from, store.extractor)
    else:
        extractor = make_extractor(given) if isinstance(given, str) else given
    _check(extractor, store.extractor, extractor_from)
    return extractor


def _found_again(make: Callable[[Recipe], Maker], recipe: Recipe) -> Maker:
    try:
        return make(recipe)
    except UnknownPlugin as error:
        raise UnknownPlugin(
            f"the catalogue needs {recipe.encoder!r}: install its package"
        ) from error


def _check(maker: Maker, stored: Recipe, make: Callable[[Recipe], Maker]) -> None:
    recipe, stored = recipe_of(maker), _completed(stored, make)
    if recipe != stored:
        ours, theirs = _told_apart(stored, recipe)
        raise RecipeMismatch(
            f"the catalogue was made with {ours}, so {theirs} cannot be used with it: "
            "leave it out, or make another catalogue"
        )


def _told_apart(one: Recipe, other: Recipe) -> tuple[str, str]:
    """Both recipes as text, with just the options in which they differ."""
    if one.encoder != other.encoder:
        return one.encoder, other.encoder
    names = {**one.options, **other.options}
    differing = [name for name in names if one.options.get(name) != other.options.get(name)]
    one, other = (
        replace(recipe, options={name: recipe.options.get(name) for name in differing})
        for recipe in (one, other)
    )
    return str(one), str(other)


def _completed(recipe: Recipe, make: Callable[[Recipe], Maker]) -> Recipe:
    """With the defaults of options that its maker has gained since."""
    try:
        options = recipe_of(make(recipe)).options
    except PluginError:  # not a registered one: it is compared as it was recorded
        return recipe
    return replace(recipe, options=options)
