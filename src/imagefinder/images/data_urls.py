"""Data URLs (RFC 2397): bytes that are written into the place of a URL."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_HEAD = re.compile(rb"\s*data:[^,]{0,200},")


def data_of(url: bytes) -> bytes | None:
    """The bytes in a data URL; None for anything else.

    Raises ValueError for one that is cut short or damaged.
    """
    head = _HEAD.match(url)
    if head is None:
        return None
    data = unquote_to_bytes(url[head.end() :])
    if b";base64" not in head[0].lower():
        return data
    try:
        return base64.b64decode(data, validate=False)
    except binascii.Error:
        raise ValueError("a data URL that is cut short or damaged") from None
