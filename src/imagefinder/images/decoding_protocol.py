"""What this process and a decoding process tell each other: a JSON object and bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any, TypeAlias

Message: TypeAlias = "tuple[dict[str, Any], bytes]"

_SIZES = struct.Struct("<IQ")


def send(stream: IO[bytes], header: Mapping[str, Any], body: bytes | memoryview = b"") -> None:
    """Raises OSError if the other side has ended."""
    text = json.dumps(header).encode()
    stream.write(_SIZES.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> Message:
    """Raises EOFError if the other side has ended."""
    header, body = _SIZES.unpack(_exactly(stream, _SIZES.size))
    return json.loads(_exactly(stream, header)), _exactly(stream, body)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
