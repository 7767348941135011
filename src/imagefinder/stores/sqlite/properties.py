"""The SQL of a catalogue's properties: the key-value table ``catalogue``."""

from __future__ import annotations

from typing import Any

import apsw

from imagefinder.stores.sqlite.checksums import CheckedTable, text_checksum

_METADATA = "note "  # before the names that callers choose, so that none is one of our own


PROPERTIES = CheckedTable(
    "catalogue",
    ("name", "value"),
    text_checksum,
    lambda name, _: f"the property {name.removeprefix(_METADATA)}",
)


def select_properties(connection: apsw.Connection) -> dict[str, Any]:
    """All of them: ``id``, ``recipe``, ``extractor``, ``index`` and metadata."""
    rows = connection.execute(f"SELECT {PROPERTIES.selected} FROM catalogue")
    return dict(PROPERTIES.verified(rows))


def set_property(connection: apsw.Connection, name: str, value: str) -> None:
    """Insert a property, or replace its value."""
    connection.execute(
        f"INSERT OR REPLACE INTO catalogue ({PROPERTIES.selected}) VALUES (?, ?, ?)",
        PROPERTIES.with_checksum((name, value)),
    )


def vectors_id(connection: apsw.Connection) -> str:
    """By which an encoder's vectors are told from those before an upgrade; empty before the first.

    It is not the recipe, which changes when a model moves, and may be the same again.
    """
    return get_property(connection, "vectors") or ""


def get_property(connection: apsw.Connection, name: str) -> str | None:
    """The value of a property, if it is set."""
    sql = f"SELECT {PROPERTIES.selected} FROM catalogue WHERE name = ?"
    return dict(PROPERTIES.verified(connection.execute(sql, (name,)))).get(name)


def delete_property(connection: apsw.Connection, name: str) -> None:
    """Delete a property, if it is set."""
    connection.execute("DELETE FROM catalogue WHERE name = ?", (name,))


def set_metadata(connection: apsw.Connection, name: str, text: str) -> None:
    """See Store."""
    set_property(connection, f"{_METADATA}{name}", text)


def get_metadata(connection: apsw.Connection, name: str) -> str | None:
    """See Store."""
    return get_property(connection, f"{_METADATA}{name}")


def delete_metadata(connection: apsw.Connection, name: str) -> None:
    """Forget the text under a name."""
    delete_property(connection, f"{_METADATA}{name}")
