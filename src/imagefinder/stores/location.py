"""Where a catalogue is: the path of a file, or the URL of a database and a name in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

Location: TypeAlias = "str | os.PathLike[str]"
"""A path, or ``postgresql://USER@HOST/DATABASE#NAME``."""

DEFAULT_NAME = "imagefinder"

_SCHEME = re.compile(r"postgres(ql)?://", re.IGNORECASE)
_SECRET = re.compile(r"((?:ssl)?password=)[^&#]*", re.IGNORECASE)
_HIDDEN = "***"


def is_database(location: Location) -> bool:
    """Whether it is the URL of a database."""
    return isinstance(location, str) and bool(_SCHEME.match(location))


def redacted(url: str) -> str:
    """A URL without its passwords, even one that is malformed."""
    scheme, _, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = f"{scheme}://{user}{colon and f':{_HIDDEN}'}{at}{place}"
    return _SECRET.sub(rf"\g<1>{_HIDDEN}", shown)


def display(location: Location) -> str:
    """The location as people are shown it: an absolute path, or a URL without its password."""
    if is_database(location):
        return redacted(os.fspath(location))
    return str(Path(location).absolute())


def split_name(url: str) -> tuple[str, str]:
    """The URL of the database, and the name of the catalogue in it."""
    database, mark, name = url.rpartition("#")
    if not mark:
        return url, DEFAULT_NAME
    return database, unquote(name) or DEFAULT_NAME


def name_of(location: Location) -> str:
    """The name of a catalogue: of its file, or of its schema."""
    text = os.fspath(location)
    return split_name(text)[1] if is_database(location) else Path(text).name


def beside(location: Location) -> Path:
    """The start of names beside a catalogue: its path without the suffix.

    What belongs to a catalogue in a database lies in the current folder.
    """
    if is_database(location):
        return Path(re.sub(r"[^\w.-]+", "-", name_of(location)))
    return Path(location).with_suffix("")
