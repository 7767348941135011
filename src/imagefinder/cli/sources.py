"""Image arguments of commands: a file, stdin, a URL or an id."""

from __future__ import annotations

import re
import sys
from typing import BinaryIO

from imagefinder.errors import AddressRefused, FetchError, ImageFinderError

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def source_of(argument: str, allow_private: bool) -> str | bytes | BinaryIO:
    """The image as the library takes it: ``-`` is read from stdin, a URL of the web is fetched."""
    from imagefinder.images.remote_files import is_remote

    if argument == "-":
        return sys.stdin.buffer
    is_fetched = _URL.match(argument) and not is_remote(argument)
    return _fetched(argument, allow_private) if is_fetched else argument


def _fetched(url: str, allow_private: bool) -> bytes:
    from imagefinder.downloads.http import FetchLimits, fetch

    try:
        return fetch(url, FetchLimits(allow_private=allow_private))
    except FetchError as error:
        hint = " (--allow-private)" if isinstance(error, AddressRefused) else ""
        raise ImageFinderError(f"{url}: {error}{hint}") from error
