"""The SQL of a catalogue's properties: the key-value table ``catalogue``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from imagefinder.stores.origin import Origin
from imagefinder.stores.sqlite.checksums import CheckedTable, text_checksum

_METADATA = "note "  # before the names that callers choose, so that none is one of our own
_ORIGIN = "copy of"

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
        f"INSERT OR REPLACE {PROPERTIES.insertion}",
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


def get_origin(connection: apsw.Connection) -> Origin | None:
    """That of an unfinished copy; None in any other catalogue."""
    sql = "SELECT value FROM catalogue WHERE name = ?"  # not its checksum: it may be migrated yet
    text = connection.execute(sql, (_ORIGIN,)).get
    return None if text is None else Origin.from_json(str(text))


def set_origin(connection: apsw.Connection, origin: Origin | None) -> None:
    """Make it an unfinished copy of this origin, or of none: then it is a whole catalogue."""
    if origin is None:
        delete_property(connection, _ORIGIN)
    else:
        set_property(connection, _ORIGIN, origin.to_json())


def metadata_among(about: Mapping[str, str]) -> dict[str, str]:
    """The texts of callers among all properties, by their names."""
    return {
        name.removeprefix(_METADATA): text
        for name, text in about.items()
        if name.startswith(_METADATA)
    }


def delete_metadata(connection: apsw.Connection, name: str) -> None:
    """Forget the text under a name."""
    delete_property(connection, f"{_METADATA}{name}")
