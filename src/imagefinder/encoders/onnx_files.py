"""Files of an ONNX graph: the graph itself, and those beside it that hold its weights.

Read from the wire format of protocol buffers, of which little is needed, so that neither the graph
is built nor the package onnx required. See onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from imagefinder.errors import ModelError

_GRAPH = 7
# by kind of message: the fields that lead to tensors
_CHILDREN = {
    "model": {_GRAPH: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external data"},
}
_KEY, _VALUE = 1, 2  # of an entry of the external data
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def is_onnx(path: Path) -> bool:
    """Whether a file is an ONNX graph, and not of another kind that a runtime would read too."""
    try:
        with _content(path) as content:
            return _GRAPH in [number for number, *_ in _fields(content, 0, len(content))]
    except (OSError, ValueError):
        return False


def external_files(path: Path) -> list[Path]:
    """The files that hold weights of a graph, in order of their names; none for other files.

    Raises ModelError for one outside the folder of the graph.
    """
    try:
        with _content(path) as content:
            names = set(_locations(content))
    except (OSError, ValueError):
        return []
    return [_inside(path, name) for name in sorted(names)]


def _inside(graph: Path, name: str) -> Path:
    file = graph.parent / name
    # of a graph that is itself a link, as in a cache of downloads, the weights may be links too
    folders = (graph.parent.resolve(), graph.resolve().parent)
    is_relative = not Path(name).is_absolute() and ".." not in Path(name).parts
    if is_relative and any(file.resolve().is_relative_to(folder) for folder in folders):
        return file
    raise ModelError(
        f"{graph} keeps weights in {name!r}, outside its folder: move them beside it and save "
        "the graph anew"
    )


def _content(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _locations(content: mmap.mmap) -> Iterator[str]:
    waiting = [("model", 0, len(content))]
    while waiting:
        kind, start, end = waiting.pop()
        if kind == "external data":
            entry = {
                number: content[first:last] for number, first, last in _fields(content, start, end)
            }
            if entry.get(_KEY) == b"location":
                yield entry.get(_VALUE, b"").decode()
            continue
        for number, first, last in _fields(content, start, end):
            child = _CHILDREN[kind].get(number)
            if child:
                waiting.append((child, first, last))


def _fields(content: mmap.mmap, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number of each field of variable length, and where its content begins and ends.

    Raises ValueError if it is no such message.
    """
    while place < end:
        tag, place = _varint(content, place)
        wire = tag & 7
        if wire == _BYTES:
            length, place = _varint(content, place)
            yield tag >> 3, place, place + length
            place += length
        elif wire == _VARINT:
            _, place = _varint(content, place)
        elif wire in (_FIXED64, _FIXED32):
            place += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("not a protocol buffer")
    if place != end:
        raise ValueError("a field ends beyond its message")


def _varint(content: mmap.mmap, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if place >= len(content):
            raise ValueError("the file ends within a number")
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("a number is too long")
