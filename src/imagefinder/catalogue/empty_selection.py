"""Why a filter leaves no image: the condition that none fulfills, and the names that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from imagefinder.filters import Condition, conditions
from imagefinder.types import Store

_SAMPLE = 1000  # images whose metadata names are counted
_NAMES = 20  # listed
_TRIED = 8  # conditions, each by a query of its own


def why_empty(
    store: Store, folders: Sequence[str] = (), where: Mapping[str, Any] | None = None
) -> str | None:
    """What to tell a user whose filter leaves none; ``None`` if there are no images at all."""
    if not len(store):
        return None
    if folders and not len(store.select(folders, limit=1)):
        return f"no image in the catalogue is in {' or '.join(folders)}"
    stated = conditions(where)
    for condition in stated[:_TRIED]:
        if not len(store.select(where=condition.as_where(), limit=1)):
            return f"no image has {condition}{_names_instead(store, condition.name)}"
    within = f", and is in {' or '.join(folders)}" if folders else ""
    return f"no image has {' and '.join(map(str, stated))}{within}"


def _names_instead(store: Store, name: str) -> str:
    """The names in use, if this is none of them."""
    if len(store.select(where=Condition(name, "ne", (None,)).as_where(), limit=1)):
        return ""
    some = store.get(store.select(limit=_SAMPLE).tolist()).values()
    counts = Counter(str(known) for record in some for known in record.metadata)
    if not counts:
        return ": the images have no metadata"
    listed = ", ".join(known for known, _ in counts.most_common(_NAMES))
    more = ", …" if len(counts) > _NAMES else ""
    return f": none has metadata named {name!r}, but there are {listed}{more}"
