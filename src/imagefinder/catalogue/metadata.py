"""Texts about a catalogue that several programs may change at once."""

from __future__ import annotations

from collections.abc import Callable

from imagefinder.types import Store


def change_metadata(store: Store, name: str, change: Callable[[str | None], str]) -> None:
    """Replace the text under a name by what ``change`` makes of it, and lose no other change."""
    while True:
        before = store.get_metadata(name)
        after = change(before)
        if after == before or store.replace_metadata(name, before, after):
            return
