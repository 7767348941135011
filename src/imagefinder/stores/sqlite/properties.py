"""The SQL of a catalogue's properties: the key-value table ``catalogue``."""

from __future__ import annotations

from typing import Any

import apsw

from imagefinder.stores.origin import Origin
from imagefinder.stores.property_names import ORIGIN, VECTORS_ID, in_words, metadata_property
from imagefinder.stores.sqlite.checksums import CheckedTable, text_checksum

PROPERTIES = CheckedTable(
    "catalogue",
    ("name", "value"),
    text_checksum,
    lambda name, _: f"the property {in_words(name)}",
)


def select_properties(connection: apsw.Connection) -> dict[str, Any]:
    """All of them: ``id``, ``recipe``, ``extractor``, ``index`` and metadata."""
    rows = connection.execute(f"SELECT {PROPERTIES.selected} FROM catalogue")
    return dict(PROPERTIES.verified(rows))


def set_property(connection: apsw.Connection, name: str, value: str) -> None:
    """Insert a property, or replace its value."""
    connection.execute(
        f"INSERT OR REPLACE {PROPERTIES.insertion}",
        PROPERTIES.with_checksum((name, value)),
    )


def vectors_id(connection: apsw.Connection) -> str:
    """See ``property_names.VECTORS_ID``."""
    return get_property(connection, VECTORS_ID) or ""


def get_property(connection: apsw.Connection, name: str) -> str | None:
    """The value of a property, if it is set."""
    sql = f"SELECT {PROPERTIES.selected} FROM catalogue WHERE name = ?"
    return dict(PROPERTIES.verified(connection.execute(sql, (name,)))).get(name)


def delete_property(connection: apsw.Connection, name: str) -> None:
    """Delete a property, if it is set."""
    connection.execute("DELETE FROM catalogue WHERE name = ?", (name,))


def set_metadata(connection: apsw.Connection, name: str, text: str) -> None:
    """See Store."""
    set_property(connection, metadata_property(name), text)


def get_metadata(connection: apsw.Connection, name: str) -> str | None:
    """See Store."""
    return get_property(connection, metadata_property(name))


def get_origin(connection: apsw.Connection) -> Origin | None:
    """That of an unfinished copy; None in any other catalogue."""
    sql = "SELECT value FROM catalogue WHERE name = ?"  # not its checksum: it may be migrated yet
    text = connection.execute(sql, (ORIGIN,)).get
    return None if text is None else Origin.from_json(str(text))
