"""The program of a decoding process: images come by standard input, pixels go by standard output.

It limits itself as well, so that it ends even if the process that started it was killed.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from imagefinder._utils.malloc import return_freed_memory
from imagefinder.errors import ImageError, ImageTooLarge, UnreadableImage
from imagefinder.images.decode import Decoded, decode_here
from imagefinder.images.decoding_protocol import Message, receive, send
from imagefinder.images.limits import Limits
from imagefinder.types import Resize

_NICENESS = 5


def main() -> None:
    """Decode until standard input ends."""
    requests, replies = _streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started this
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    return_freed_memory()
    send(replies, {})
    while True:
        try:
            header, data = receive(requests)
        except EOFError:
            return
        with _limited(header["memory"], header["seconds"]):
            reply = _answer(header, data)
        send(replies, *reply)


def _answer(header: dict[str, Any], data: bytes) -> Message:
    resizes = [None if one is None else Resize(**one) for one in header["resizes"]]
    try:
        decoded = decode_here(data, resizes, Limits(**header["limits"]))
    except ImageError as error:
        kind = ImageTooLarge if isinstance(error, ImageTooLarge) else UnreadableImage
        return {"error": kind.__name__, "text": str(error)}, b""
    pixels = b"".join(one.pixels.tobytes() for one in decoded if one)
    return {"images": [one and _described(one) for one in decoded]}, pixels


def _described(decoded: Decoded) -> dict[str, Any]:
    """Its fields, with the shape of the pixels in place of these."""
    fields = {field.name: getattr(decoded, field.name) for field in dataclasses.fields(decoded)}
    pixels = fields.pop("pixels")
    return {**fields, "shape": pixels.shape}


def _streams() -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output; what a decoder prints goes to standard error instead."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, replies


@contextmanager
def _limited(memory: int, seconds: float) -> Iterator[None]:
    """The system ends this process if it takes longer, and refuses it more memory."""
    if not hasattr(signal, "setitimer"):  # Windows: the process that started this one ends it
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _limit_memory(memory)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(memory: int) -> None:
    import resource  # not on Windows

    used = _data_size()
    if used is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (used + memory, hard))


def _data_size() -> int | None:
    """Bytes that the limit counts already, on Linux."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return None


if __name__ == "__main__":
    main()
