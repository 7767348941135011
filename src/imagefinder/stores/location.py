"""Where a catalogue is: a file, a schema of a database, or a dataset in Lance."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from imagefinder._utils.object_urls import OBJECT_URL
from imagefinder.errors import StoreError

Location: TypeAlias = "str | os.PathLike[str]"
"""The path of a file or of a folder ``NAME.lance``, ``postgresql://USER@HOST/DATABASE#NAME``, or
``s3://BUCKET/NAME`` (``gs://`` and ``az://`` too)."""

DEFAULT_NAME = "imagefinder"
LANCE = ".lance"
"""The suffix of a folder with a catalogue in Lance."""

_DATABASE = re.compile(r"postgres(ql)?://", re.IGNORECASE)
_SECRET = re.compile(r"((?:ssl)?password=)[^&#]*", re.IGNORECASE)
_HIDDEN = "***"


def is_database(location: Location) -> bool:
    """Whether it is the URL of a database."""
    return isinstance(location, str) and bool(_DATABASE.match(location))


def is_bucket(location: Location) -> bool:
    """Whether it is the URL of a folder in an object store."""
    return isinstance(location, str) and bool(OBJECT_URL.match(location))


def is_url(location: Location) -> bool:
    """Whether it is no path."""
    return is_database(location) or is_bucket(location)


def store_of(location: Location) -> str:
    """The name of the kind of store that is, or would be, at this place."""
    if is_database(location):
        return "postgres"
    if is_bucket(location):
        return "lance"
    path = Path(location)
    return "lance" if path.suffix == LANCE and not path.is_file() else "sqlite"


def redacted(url: str) -> str:
    """A URL without its passwords, even one that is malformed."""
    scheme, _, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = f"{scheme}://{user}{colon and f':{_HIDDEN}'}{at}{place}"
    return _SECRET.sub(rf"\g<1>{_HIDDEN}", shown)


def display(location: Location) -> str:
    """The location as people are shown it: an absolute path, or a URL without its password."""
    if is_url(location):
        return redacted(os.fspath(location))
    return str(Path(location).absolute())


def split_name(url: str) -> tuple[str, str]:
    """The URL of the database, and the name of the catalogue in it."""
    database, mark, name = url.rpartition("#")
    if not mark:
        return url, DEFAULT_NAME
    return database, unquote(name) or DEFAULT_NAME


def check_folder(path: Path) -> None:
    """Raise StoreError unless there is a folder for a new file."""
    if not path.parent.is_dir():
        raise StoreError(f"cannot create {path.name}: there is no folder {path.parent}")


def name_of(location: Location) -> str:
    """The name of a catalogue: of its file or folder, or of its schema."""
    text = os.fspath(location).rstrip("/")
    return split_name(text)[1] if is_database(location) else Path(text).name


def beside(location: Location) -> Path:
    """The start of names beside a catalogue: its path without the suffix.

    What belongs to a catalogue at a URL lies in the current folder.
    """
    if is_url(location):
        return Path(re.sub(r"[^\w.-]+", "-", name_of(location)))
    return Path(location).with_suffix("")
