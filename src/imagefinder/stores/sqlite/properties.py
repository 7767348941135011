"""The SQL of a catalogue's properties: the key-value table ``catalogue``."""

from __future__ import annotations

from typing import Any

import apsw

_METADATA = "note "  # before the names that callers choose, so that none is one of our own


def select_properties(connection: apsw.Connection) -> dict[str, Any]:
    """All of them: ``id``, ``recipe``, ``extractor``, ``index`` and metadata."""
    rows: list[Any] = connection.execute("SELECT name, value FROM catalogue").fetchall()
    return dict(rows)


def set_property(connection: apsw.Connection, name: str, value: str) -> None:
    """Insert a property, or replace its value."""
    connection.execute(
        "INSERT OR REPLACE INTO catalogue (name, value) VALUES (?, ?)", (name, value)
    )


def set_metadata(connection: apsw.Connection, name: str, text: str) -> None:
    """See Store."""
    set_property(connection, f"{_METADATA}{name}", text)


def get_metadata(connection: apsw.Connection, name: str) -> str | None:
    """See Store."""
    found = connection.execute(
        "SELECT value FROM catalogue WHERE name = ?", (f"{_METADATA}{name}",)
    ).get
    return None if found is None else str(found)
