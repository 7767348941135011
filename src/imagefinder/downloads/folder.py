"""Folders of downloads: the images in them, and what the lists say of each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from imagefinder.downloads.state import StoredImage
from imagefinder.downloads.state_file import is_current, open_state, translate_errors
from imagefinder.images.inputs import Input, absolute
from imagefinder.images.walk import find_images
from imagefinder.types import Item

_UNLISTED = "NOT EXISTS (SELECT 1 FROM listed WHERE listed.sha256 = pictures.sha256)"
_COLUMNS = "sha256, suffix, size, width, height"


def image_folder(name: Path) -> Path:
    """The folder for the images of a list: ``NAME-images``, beside the catalogue or encoder NAME.

    Early versions called it ``NAME-pictures``; if there is one, it is used.
    """
    former = name.with_name(f"{name.name}-pictures")
    return former if former.is_dir() else name.with_name(f"{name.name}-images")


def described(folder: str | os.PathLike[str], run: int | None = None) -> Iterator[Input]:
    """The images in a folder filled by ``download``, with the metadata of their lists.

    Those that another has replaced at its URL are left out. With the ``run`` of a Summary, only
    the images of that list, in its order. For ``Finder.add``. Raises DownloadError.
    """
    root = absolute(folder)
    with translate_errors(root), closing(open_state(root)) as connection:
        yield from _all(root, connection) if run is None else _listed(root, connection, run)


def replaced_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Images that ``download --refresh`` found to be others now. Their files are kept."""
    return _unlisted(absolute(folder), "replaced")


def unlisted_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Images that no list leads to any more. Their files are kept."""
    return _unlisted(absolute(folder), "TRUE")


def _unlisted(root: Path, condition: str) -> list[Path]:
    with translate_errors(root), closing(open_state(root)) as connection:
        return _unlisted_in(root, connection, condition)


def _unlisted_in(root: Path, connection: apsw.Connection, condition: str) -> list[Path]:
    if not is_current(connection):  # of an earlier version, in a folder that may only be read
        return []
    rows = connection.execute(f"SELECT {_COLUMNS} FROM pictures WHERE {condition} AND {_UNLISTED}")
    return [root / StoredImage(*image).name for image in rows]


def _listed(root: Path, connection: apsw.Connection, run: int) -> Iterator[Input]:
    rows = connection.execute(
        f"SELECT {_COLUMNS}, metadata FROM pictures WHERE run = ? ORDER BY row, sha256",
        (run,),
    )
    for *image, metadata in rows:
        yield _described(root / StoredImage(*image).name, metadata)


def _all(root: Path, connection: apsw.Connection) -> Iterator[Input]:
    replaced = set(_unlisted_in(root, connection, "replaced"))
    for path in find_images(root):
        if path in replaced:
            continue
        metadata = connection.execute(
            # a range of the key: the name holds the first half of the hash
            "SELECT metadata FROM pictures WHERE sha256 >= unhex(?1) AND sha256 < unhex(?1 || ?2)",
            (path.stem, "ff" * 16),
        ).get
        yield _described(path, metadata) if metadata else Input(path)


def _described(path: Path, metadata: str) -> Input:
    """With the metadata of its row, or those of an item for each different one."""
    rows = json.loads(metadata)
    if isinstance(rows, list):
        return Input(path, [Item(row, str(path)) for row in _distinct(rows)])
    return Input(path, rows)


def _distinct(rows: list[Any]) -> list[Any]:
    return [row for place, row in enumerate(rows) if row not in rows[:place]]
