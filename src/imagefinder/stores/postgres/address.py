"""The address of a catalogue in a database: how to connect, and the name of its schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from imagefinder.errors import StoreError
from imagefinder.stores.location import redacted, split_name

_LONGEST = 63  # bytes of a name in PostgreSQL, which cuts off the rest
_RESERVED = "pg_"
_DEFAULTS = {"application_name": "imagefinder", "connect_timeout": "10", "keepalives_idle": "30"}


@dataclass(frozen=True, repr=False)
class Address:
    """Where a catalogue is; its texts never hold a password."""

    conninfo: str
    """As libpq takes it, perhaps with a password; other settings come from the environment."""
    name: str
    """Of the catalogue, and of its schema."""
    shown: str
    """For messages."""

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises StoreError for a URL that cannot be one."""
        database, name = split_name(url)
        shown = redacted(url)
        _check_name(name, shown)
        try:
            conninfo = make_conninfo("", **{**_DEFAULTS, **conninfo_to_dict(database)})
        except (ProgrammingError, UnicodeError):  # whose texts may hold the password
            raise StoreError(
                f"{shown} is not an address of a database: write "
                "postgresql://USER@HOST:PORT/DATABASE#NAME, with %23 for a # in a password"
            ) from None
        return cls(conninfo, name, shown)

    def __repr__(self) -> str:
        """Without the password."""
        return f"Address({self.shown!r})"

    @property
    def schema(self) -> str:
        """The name of the schema, quoted for SQL."""
        return quoted(self.name)

    def parameters(self) -> dict[str, Any]:
        """Those of the connection that the URL states."""
        return conninfo_to_dict(self.conninfo)


def quoted(name: str) -> str:
    """An identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _check_name(name: str, shown: str) -> None:
    if "\0" in name or any(mark in name for mark in "@/?"):
        raise StoreError(
            f"{shown}: a catalogue's name has no @, / or ?; in a password write %23 for a #"
        )
    if len(name.encode()) > _LONGEST:
        raise StoreError(f"{shown}: the name after # has more than {_LONGEST} bytes: shorten it")
    if name.startswith(_RESERVED) or name == "information_schema":
        raise StoreError(f"{shown}: PostgreSQL reserves the name {name}: choose another")
