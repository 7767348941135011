"""The first line of a cache file: whose cache it is, and a checksum of the file.

It is what tells such a file from one of the user's that has the same name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xxhash import xxh3_64_hexdigest

_FORMAT = "imagefinder cache"
_LONGEST = 4096  # bytes of the line


def with_header(catalogue: str, about: Mapping[str, Any], content: bytes = b"") -> bytes:
    """The bytes of a cache file of the catalogue with this id."""
    fields = {"format": _FORMAT, "catalogue": catalogue, **about}
    line = json.dumps({**fields, "checksum": _checksum(fields, content)})
    return line.encode() + b"\n" + content


def split_header(data: bytes, catalogue: str) -> tuple[dict[str, Any], bytes]:
    """The fields of the header, and the content. Raises ValueError for any other bytes."""
    line, _, content = data.partition(b"\n")
    fields = json.loads(line)
    if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
        raise ValueError("it is no cache file, or one of an earlier version")
    if fields.pop("checksum", None) != _checksum(fields, content):
        raise ValueError("its checksum is wrong")
    if fields["catalogue"] != catalogue:
        raise ValueError("it belongs to another catalogue")
    return fields, content


def owner_of(path: Path) -> str | None:
    """The id of the catalogue whose cache file this is; None for any other file."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            fields = json.loads(file.readline(_LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
        return None
    return str(fields.get("catalogue"))


def _checksum(fields: Mapping[str, Any], content: bytes) -> str:
    return xxh3_64_hexdigest(json.dumps(fields).encode() + b"\n" + content)
