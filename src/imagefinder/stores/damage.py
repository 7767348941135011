"""What is damaged in a store."""

from __future__ import annotations

from dataclasses import dataclass


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
