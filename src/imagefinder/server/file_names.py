"""Names of uploaded files: as the client gave them, less what some file system refuses."""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import quote

from imagefinder.images.formats import SUFFIXES

_MAX_LETTERS = 60
_MAX_BYTES = 180
"""A name may have 255 bytes, of which the name of a temporary file needs some."""
_REFUSED = re.compile(r'[<>:"|?*\s-]+')
# Windows opens devices under these names, whatever the suffix
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_JOINERS = "\u200c\u200d"
"""Format characters that some scripts and emoji need; the others turn text around or hide."""


def safe_file_name(name: str) -> str:
    """A file name that is safe on any system, in the alphabet of the given one."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    stem = "".join(filter(_is_kept, stem))
    stem = _REFUSED.sub(_separator, stem).lstrip(" .-")
    stem = _shortened(stem).rstrip(" .-" + _JOINERS) or "image"
    if _DEVICES.fullmatch(stem.partition(".")[0].rstrip()):
        stem = f"_{stem}"
    return stem + (suffix if suffix in SUFFIXES else "")


def inline_disposition(name: str) -> str:
    """The value of Content-Disposition for a file of this name (RFC 6266)."""
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    if plain == name:
        return f'inline; filename="{name}"'
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_kept(letter: str) -> bool:
    return letter in _JOINERS or letter == "\t" or unicodedata.category(letter)[0] != "C"


def _separator(match: re.Match[str]) -> str:
    """A space for spaces, and a hyphen for what is refused."""
    return " " if match[0].isspace() else "-"


def _shortened(stem: str) -> str:
    stem = stem[:_MAX_LETTERS]
    return stem.encode()[:_MAX_BYTES].decode(errors="ignore")
