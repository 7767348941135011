"""Metadata of images: what may be stored, and what can be shown of what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from imagefinder._utils.text import one_line
from imagefinder.types import Description, Item

MAX_DEPTH = 32
"""Objects and lists within each other."""
MAX_BYTES = 64 * 1024
"""As JSON."""
MAX_NAMES = 1000
"""Of all objects together."""
MAX_ITEMS = 100
"""That share an image."""
MAX_ID = 200
"""Characters of an item's id."""
_OMITTED = "…"


def check_metadata(metadata: Description | None) -> None:
    """Raises ValueError for metadata that JSON or a store cannot hold, or that are too large.

    One image with metadata beyond measure would spoil every list and every search that finds it.
    """
    if isinstance(metadata, Mapping):
        _check(metadata)
        return
    items = metadata or ()
    if len(items) > MAX_ITEMS:
        raise ValueError(f"{len(items):,} items share the image: at most {MAX_ITEMS:,} can")
    for item in items:
        _check(item.metadata)
        if item.id is not None:
            check_item_id(item.id)


def check_item_id(given: str) -> None:
    """Raises ValueError for an id of an item that a store cannot hold."""
    if not given or len(given) > MAX_ID or not given.isprintable():
        raise ValueError(f"an item's id must be 1 to {MAX_ID} printable characters")


def has_room(before: Iterable[Item], given: Iterable[Item]) -> bool:
    """Whether an image of which something is said may be shared by these items as well."""
    return len({item.place for item in (*before, *given)}) <= MAX_ITEMS


def _check(metadata: Mapping[str, Any]) -> None:
    _check_shape(metadata)
    try:
        text = json.dumps(dict(metadata), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"metadata must be JSON-serializable: {error}") from error
    if len(text) > MAX_BYTES:
        raise ValueError(f"metadata of {len(text):,} bytes as JSON are more than {MAX_BYTES:,}")


def metadata_problem(metadata: Description | None) -> str | None:
    """What is wrong with them, as ``check_metadata`` says it."""
    try:
        check_metadata(metadata)
    except ValueError as error:
        return one_line(error)
    return None


def _check_shape(metadata: Mapping[str, Any]) -> None:
    level: list[Any] = [metadata]
    names = depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"metadata are nested more than {MAX_DEPTH} deep")
        names += sum(len(one) for one in level if isinstance(one, Mapping))
        if names > MAX_NAMES:
            raise ValueError(f"metadata have more than {MAX_NAMES:,} names")
        level = [inner for one in level for inner in _contents(one) if _is_container(inner)]


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _contents(value: Any) -> Any:
    return value.values() if isinstance(value, Mapping) else value


def shown_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Stored metadata, with an ellipsis for what is nested too deeply for a response.

    Earlier versions stored any depth.
    """
    return {name: _shown(value, MAX_DEPTH) for name, value in metadata.items()}


def _shown(value: Any, depth: int) -> Any:
    if not _is_container(value):
        return value
    if depth == 1:
        return _OMITTED
    if isinstance(value, Mapping):
        return {name: _shown(inner, depth - 1) for name, inner in value.items()}
    return [_shown(inner, depth - 1) for inner in value]
