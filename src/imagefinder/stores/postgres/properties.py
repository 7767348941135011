"""The SQL of a catalogue's properties: the key-value table ``catalogue``."""

from __future__ import annotations

from imagefinder.stores.postgres.session import Session
from imagefinder.stores.property_names import VECTORS_ID


def select_properties(session: Session) -> dict[str, str]:
    """All of them: ``id``, ``recipe``, ``extractor``, ``index`` and metadata."""
    return dict(session.rows("SELECT name, value FROM {s}.catalogue"))


def get_property(session: Session, name: str) -> str | None:
    """The value of a property, if it is set."""
    value = session.value("SELECT value FROM {s}.catalogue WHERE name = %s", (name,))
    return None if value is None else str(value)


def set_property(session: Session, name: str, value: str) -> None:
    """Insert a property, or replace its value."""
    session.execute(
        "INSERT INTO {s}.catalogue (name, value) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def delete_property(session: Session, name: str) -> None:
    """Delete a property, if it is set."""
    session.execute("DELETE FROM {s}.catalogue WHERE name = %s", (name,))


def vectors_id(session: Session) -> str:
    """See ``property_names.VECTORS_ID``."""
    return get_property(session, VECTORS_ID) or ""
