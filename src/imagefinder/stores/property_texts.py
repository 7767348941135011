"""The properties of a catalogue as the texts that stores keep."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from imagefinder.registry import recipes
from imagefinder.registry.plugins import find_plugin
from imagefinder.stores.property_names import metadata_among, metadata_property
from imagefinder.stores.upgrade import OTHER, State, suits
from imagefinder.types import IndexChoice, OtherVectors, Properties, Recipe


def properties_from(
    texts: Mapping[str, str], others: int, codebook: bytes | None = None
) -> Properties:
    """From all texts, and the number of images with other vectors.

    Raises KeyError, ValueError, TypeError or CatalogueDamaged if they are invalid.
    """
    state = State.from_json(texts[OTHER]) if OTHER in texts else None
    return Properties(
        str(texts["id"]),
        recipes.from_json(texts["recipe"]),
        recipes.from_json(texts["extractor"]) if "extractor" in texts else None,
        recipes.choice_from_json(texts.get("index")),
        metadata_among(texts),
        OtherVectors(state.recipe, state.is_kept, others) if state else None,
        state.metadata if state else {},
        codebook,
    )


def texts_of(source: Properties, store: str) -> dict[str, str]:
    """Of a copy of a catalogue with these properties: as they are, but with an id of its own.

    A kind of index that a store of this kind cannot have is left out.
    """
    texts = {
        "id": uuid4().hex,
        "recipe": recipes.to_json(source.recipe),
        **{metadata_property(name): text for name, text in source.metadata.items()},
    }
    if source.extractor is not None:
        texts["extractor"] = recipes.to_json(source.extractor)
    if source.index != IndexChoice() and _has(store, source.index, source.recipe):
        texts["index"] = recipes.choice_to_json(source.index)
    if source.other is not None:
        about = (source.other.recipe, uuid4().hex, source.other.is_kept, source.other_metadata)
        texts[OTHER] = State(*about).to_json()
    return texts


def _has(store: str, choice: IndexChoice, recipe: Recipe) -> bool:
    return suits(choice, recipe) and find_plugin("indexes", choice.kind).store in ("", store)
