"""Names of a catalogue's properties, which stores keep as texts under names."""

from __future__ import annotations

from collections.abc import Mapping

VECTORS_ID = "vectors"
"""By which an encoder's vectors are told from those before an upgrade; empty before the first.

It is not the recipe, which changes when a model moves, and may be the same again.
"""

ORIGIN = "copy of"
"""What an unfinished copy is of; see ``origin``."""

_METADATA = "note "  # before the names that callers choose, so that none is one of our own


def metadata_property(name: str) -> str:
    """The property that holds the text which callers store under a name."""
    return f"{_METADATA}{name}"


def in_words(name: str) -> str:
    """A property as people know it."""
    return name.removeprefix(_METADATA)


def metadata_among(about: Mapping[str, str]) -> dict[str, str]:
    """The texts of callers among all properties, by their names."""
    return {in_words(name): text for name, text in about.items() if name.startswith(_METADATA)}
