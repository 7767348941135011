"""Kept thumbnails: what a server can show of added images whose files it does not keep.

A folder has ``ab/abcdef0123456789/NAME.jpg`` for the image with this id, and so its name too.
"""

from __future__ import annotations

import logging
from pathlib import Path

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError
from imagefinder.images.limits import Limits
from imagefinder.images.thumbnails import thumbnail_of_upload
from imagefinder.server.file_names import safe_file_name
from imagefinder.server.uploaded_files import remove_empty
from imagefinder.types import Record, key_from

_SIDE = 640  # pixels, of the longer side
_SUFFIX = ".jpg"

log = logging.getLogger(__name__)


def keep_thumbnail(folder: Path, record: Record, data: bytes, name: str, limits: Limits) -> None:
    """Keep one of an image that has none; if none can be made or written, the log says so."""
    if kept_thumbnail(folder, record) is not None:
        return
    path = _place(folder, record) / f"{safe_file_name(name)}{_SUFFIX}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(thumbnail_of_upload(data, _SIDE, limits).jpeg)
    except (OSError, ImageFinderError) as error:  # the image itself has been added
        log.warning("no thumbnail is kept: %s cannot be written: %s", path, one_line(error))


def kept_thumbnail(folder: Path | None, record: Record) -> Path | None:
    """The file of the one that is kept of an image, if any is."""
    if folder is None:
        return None
    return next(iter(_place(folder, record).glob(f"[!.]*{_SUFFIX}")), None)


def kept_name(folder: Path | None, record: Record) -> str | None:
    """The name that the image's file had when it was added, if a thumbnail is kept."""
    path = kept_thumbnail(folder, record)
    return None if path is None else path.name.removesuffix(_SUFFIX)


def kept_names(folder: Path | None) -> dict[int, str]:
    """Those of all images that a thumbnail is kept of, by their keys."""
    if folder is None:
        return {}
    paths = folder.glob(f"[0-9a-f][0-9a-f]/*/[!.]*{_SUFFIX}")
    named = ((key_from(path.parent.name), path.name.removesuffix(_SUFFIX)) for path in paths)
    return {key: name for key, name in named if key is not None}


def remove_thumbnail(folder: Path, record: Record) -> None:
    """Remove what is kept of an image."""
    path = kept_thumbnail(folder, record)
    if path is None:
        return
    path.unlink(missing_ok=True)
    remove_empty(path.parent)


def _place(folder: Path, record: Record) -> Path:
    return folder / record.id[:2] / record.id
