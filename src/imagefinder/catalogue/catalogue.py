"""What a catalogue was made with, found again; and nothing else may be used with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from imagefinder.errors import RecipeMismatch, UnknownPlugin
from imagefinder.registry.factory import (
    encoder_from,
    extractor_from,
    make_encoder,
    make_extractor,
    recipe_of,
)
from imagefinder.registry.recipes import told_apart
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
    apart = told_apart(stored, recipe_of(maker), make)
    if apart:
        ours, theirs = apart
        raise RecipeMismatch(
            f"the catalogue was made with {ours}, so {theirs} cannot be used with it: "
            "leave it out, or make another catalogue"
        )
