"""Changes to the metadata of a stored image, as JSON merge patches (RFC 7396)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imagefinder._utils.merge_patch import merged
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import NotFound
from imagefinder.images.metadata import check_metadata
from imagefinder.types import Entry, Item, Record

_SHOWN = 5  # ids in a message


def patch_metadata(
    catalogue: Catalogue,
    id: str,  # noqa: A002  the word that users know
    patch: Mapping[str, Any],
    item: str | None = None,
) -> Record:
    """The record of an image, whose metadata have been patched; see ``Finder.patch_metadata``."""
    record = catalogue.get(id)
    before = item_of(record, item)
    check_metadata(patch)
    check_metadata(merged(before.metadata, patch))
    catalogue.store.write(
        [Entry(record, None, [replace(before, metadata=patch)], revision="merge")]
    )
    return catalogue.get(id)


def item_of(record: Record, name: str | None) -> Item:
    """The item of this id or path, or the only one. Raises NotFound, and ValueError for several."""
    if name is not None:
        found = [item for item in record.items if name in item.place]
        if not found and any(file.path == name for file in record.files):
            found = [Item({}, name)]
        if not found:
            raise NotFound(f"no item {name!r} shares image {record.id}")
    else:
        found = list(record.items) or [Item({}, record.path)]
    if len(found) > 1:
        ids = ", ".join(item.id for item in found[:_SHOWN] if item.id)
        raise ValueError(f"several items share the image: name one of them{ids and f' ({ids})'}")
    return found[0]
