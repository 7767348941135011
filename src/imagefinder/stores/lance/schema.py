"""The columns of a dataset, and what it says about itself."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import lance
import pyarrow as pa

from imagefinder.errors import (
    CatalogueExists,
    NewerCatalogue,
    NotACatalogue,
)
from imagefinder.registry import recipes
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.failures import translated
from imagefinder.stores.origin import Origin
from imagefinder.stores.property_names import ORIGIN
from imagefinder.types import Recipe

PREFIX = "imagefinder."
"""Of the names of a catalogue's properties among the dataset's own."""
LIGHT = (
    *("key", "ordinal", "sha256", "size", "width", "height", "in_memory", "metadata"),
    *("path", "mtime_ns", "origin", "written", "has_vector", "local_size", "has_signature"),
)
HEAVY = ("vector", "local", "signature")
"""Columns that are read only where they are needed."""

_FORMAT = 1
_FORMAT_NAME = "format"


def arrow_schema(recipe: Recipe) -> pa.Schema:
    """A row for each vector and for each path of an image; row 0 has all that there is once.

    ``written`` is the number of the write that its vector came by.
    """
    value = pa.uint8() if recipe.measure == "hamming" else pa.float32()
    return pa.schema(
        [
            pa.field("key", pa.int64(), nullable=False),
            pa.field("ordinal", pa.int32(), nullable=False),
            ("sha256", pa.binary()),
            ("size", pa.int64()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("in_memory", pa.bool_()),
            ("metadata", pa.string()),
            ("path", pa.string()),
            ("mtime_ns", pa.int64()),
            ("origin", pa.string()),
            ("written", pa.int64()),
            ("has_vector", pa.bool_()),
            ("local_size", pa.int64()),
            ("has_signature", pa.bool_()),
            ("vector", pa.list_(value, recipe.dim)),
            ("local", pa.large_binary()),
            ("signature", pa.binary()),
        ]
    )


def texts_of_new(recipe: Recipe, extractor: Recipe | None) -> dict[str, str]:
    """The properties of a new catalogue."""
    texts = {"id": uuid4().hex, "recipe": recipes.to_json(recipe)}
    if extractor is not None:
        texts["extractor"] = recipes.to_json(extractor)
    return texts


def make(address: Address, recipe: Recipe, texts: dict[str, str]) -> lance.LanceDataset:
    """An empty dataset with these properties, in one step.

    Raises CatalogueExists, or NotACatalogue where the folder holds other things.
    """
    _check_free(address)
    about = {PREFIX + name: text for name, text in {_FORMAT_NAME: str(_FORMAT), **texts}.items()}
    schema = arrow_schema(recipe).with_metadata(about)
    try:
        return lance.write_dataset(
            schema.empty_table(),
            address.uri,
            mode="create",
            storage_options=address.options,
            enable_stable_row_ids=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        if "already exists" in str(error) or "conflict" in str(error):
            raise CatalogueExists(
                f"{address.shown} already exists: open it, or choose another name"
            ) from error
        raise translated(error, address) from error


def _check_free(address: Address) -> None:
    folder = Path(address.uri)
    if address.is_remote or not folder.is_dir() or (folder / "_versions").is_dir():
        return
    if any(folder.iterdir()):
        raise NotACatalogue(f"{address.shown} holds other things: choose another name")


def properties_of(dataset: lance.LanceDataset) -> dict[str, str]:
    """All of them: those that it was made with, and those that were set since."""
    first = {name.decode(): text.decode() for name, text in (dataset.schema.metadata or {}).items()}
    both = {**first, **dataset.config()}
    own = {name: text for name, text in both.items() if name.startswith(PREFIX)}
    return {name.removeprefix(PREFIX): text for name, text in own.items() if text}


def check(dataset: lance.LanceDataset, address: Address) -> dict[str, str]:
    """The properties of a catalogue that can be used.

    Raises NotACatalogue, NewerCatalogue or UnfinishedCopy.
    """
    texts = check_version(dataset, address)
    if ORIGIN in texts:
        raise Origin.from_json(texts[ORIGIN]).unfinished(address.shown)
    return texts


def check_version(dataset: lance.LanceDataset, address: Address) -> dict[str, str]:
    """The properties of a catalogue, perhaps unfinished. Raises NotACatalogue, NewerCatalogue."""
    texts = properties_of(dataset)
    if "recipe" not in texts and ORIGIN not in texts:
        raise NotACatalogue(f"{address.shown} is a dataset of another program: name another place")
    found = int(texts.get(_FORMAT_NAME, _FORMAT))
    if found > _FORMAT:
        raise NewerCatalogue(
            f"{address.shown} was made by a newer version of ImageFinder (format {found}, "
            f"supported up to {_FORMAT}): upgrade with pip install -U imagefinder"
        )
    return texts
