"""Image arguments of commands: files, folders, stdin, URLs, ids and lists."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import BinaryIO

from imagefinder.errors import (
    AddressRefused,
    DownloadError,
    FetchError,
    ImageFinderError,
    NotFound,
)

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def source_of(argument: str, allow_private: bool) -> str | bytes | BinaryIO:
    """The image as the library takes it: ``-`` is read from stdin, a URL of the web is fetched."""
    from imagefinder.images.remote_files import is_remote

    if argument == "-":
        return sys.stdin.buffer
    is_fetched = _URL.match(argument) and not is_remote(argument)
    return _fetched(argument, allow_private) if is_fetched else argument


def check_sources(paths: Sequence[str], column: str | None = None) -> None:
    """Raises what is wrong with the first of the paths if none of them can be read.

    ``column`` is that of lists of URLs. Raises NotFound, DownloadError and MissingExtra.
    """
    problems: list[NotFound | DownloadError] = []
    for path in paths:
        try:
            _check_source(path, column)
        except (NotFound, DownloadError) as error:
            problems.append(error)
        else:
            return
    if problems:
        raise problems[0]


def _check_source(path: str, column: str | None) -> None:
    from imagefinder.downloads import is_list
    from imagefinder.downloads.url_list import open_list
    from imagefinder.images.inputs import absolute
    from imagefinder.images.remote_files import is_remote, remote_images
    from imagefinder.images.walk import FolderWalk

    if is_remote(path):
        try:
            next(remote_images(path, FolderWalk()), None)
        except NotFound as error:
            raise NotFound(f"{path}: {error}") from error
    elif is_list(path):
        open_list(absolute(path), column)
    elif not os.path.exists(absolute(path)):
        raise NotFound(f"{path}: no such file or folder")


def _fetched(url: str, allow_private: bool) -> bytes:
    from imagefinder.downloads.http import FetchLimits, fetch

    try:
        return fetch(url, FetchLimits(allow_private=allow_private))
    except FetchError as error:
        hint = " (--allow-private)" if isinstance(error, AddressRefused) else ""
        raise ImageFinderError(f"{url}: {error}{hint}") from error
