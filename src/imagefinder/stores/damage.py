"""What is damaged in a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "restore a backup of it, or use --repair",
        "postgres": "restore a backup of the database",
        "lance": "restore a copy of it; read a version from before the damage, by --at VERSION; "
        "or add the images to a new catalogue",
    }
)
"""What can be done for a damaged catalogue, by the kind of its store."""


@dataclass(frozen=True)
class Damage:
    """Something in a store that is not what was written."""

    what: str
    key: int | None = None
    """Of the image that it belongs to, where that is known."""
    paths: tuple[str, ...] = ()
    """Those recorded for the image, as far as they can be read."""
    spares_image: bool = False
    """Whether the image itself is intact: only the record of a file, or its signature, is not."""
