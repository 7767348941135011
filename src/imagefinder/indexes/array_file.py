"""Named arrays in one file: written in one step, checked when it is opened, and mapped.

The layout: eight bytes of magic, the length of a JSON header, the header, the arrays one after the
other, each beginning at a multiple of 64 bytes, and at the end the sum of all words of 64 bits
before it. The sum runs at the speed of memory, and no single damaged byte leaves it as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.atomic import atomic_write
from imagefinder.errors import IndexDamaged

Mapped = dict[str, NDArray[Any]]

_MAGIC = b"IFARRAY1"
_ALIGN = 64
_CHUNK = 16 * 2**20  # bytes read at a time
_WORD = 8


@dataclass(frozen=True)
class Streamed:
    """An array that is written piece by piece, along its first axis."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[NDArray[Any]]

    @classmethod
    def of(cls, array: NDArray[Any]) -> Streamed:
        """One that is all there."""
        return cls(array.dtype, array.shape, [array])


def save_arrays(path: Path, arrays: Mapping[str, Streamed]) -> None:
    """Write them to ``path``, or leave what is there as it is. Raises OSError."""
    header = json.dumps([[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()]).encode()
    with atomic_write(path) as unfinished, unfinished.open("w+b") as file:
        file.write(_MAGIC + len(header).to_bytes(_WORD, "little") + header)
        for array in arrays.values():
            _align(file)
            for piece in array.pieces:
                file.write(np.ascontiguousarray(piece, array.dtype).data)
        _align(file)
        file.seek(0)
        checksum = sum_of(file)
        file.write(checksum.to_bytes(_WORD, "little"))


def load_arrays(path: Path) -> Mapped:
    """The arrays, mapped and read-only. Raises IndexDamaged for a file that was not so written."""
    try:
        with path.open("rb") as file:
            places = _places(file)
            file.seek(0)
            end = os.fstat(file.fileno()).st_size - _WORD
            if sum_of(file, end) != int.from_bytes(file.read(_WORD), "little"):
                raise ValueError("its bytes are not those that were written")
            return {name: _mapped(file, *place) for name, place in places.items()}
    except (OSError, ValueError, TypeError, KeyError, MemoryError) as error:
        raise IndexDamaged(f"{path.name} cannot be used: {error}") from error


def checksum_of(path: Path) -> int:
    """Of a file of arrays, as it was when it was written. Raises OSError."""
    with path.open("rb") as file:
        file.seek(-_WORD, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def sum_of(file: BinaryIO, size: int | None = None) -> int:
    """The sum of the next ``size`` bytes, or of all that are left, as words of 64 bits."""
    total = 0
    while data := file.read(_CHUNK if size is None else min(_CHUNK, size)):
        whole = len(data) - len(data) % _WORD
        total += int(np.frombuffer(data, "<u8", whole // _WORD).sum(dtype=np.uint64))
        total += int.from_bytes(data[whole:], "little")
        size = None if size is None else size - len(data)
    return total % 2**64


def _align(file: BinaryIO) -> None:
    file.write(bytes(-file.tell() % _ALIGN))


def _places(file: BinaryIO) -> dict[str, tuple[int, np.dtype[Any], tuple[int, ...]]]:
    """Where each array lies, if the file is as long as that takes."""
    if file.read(_WORD) != _MAGIC:
        raise ValueError("it holds something else")
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_WORD), "little")
    if length > size:
        raise ValueError("it is cut short")
    places = {}
    end = 2 * _WORD + length
    for name, kind, shape in json.loads(file.read(length)):
        begin = end + -end % _ALIGN
        dtype = np.dtype(kind)
        places[name] = (begin, dtype, tuple(shape))
        end = begin + prod(shape) * dtype.itemsize
    if size != end + -end % _ALIGN + _WORD:
        raise ValueError("its size is wrong")
    return places


def _mapped(file: BinaryIO, begin: int, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    if not prod(shape):  # no bytes cannot be mapped
        return np.empty(tuple(shape), dtype)
    return np.asarray(np.memmap(file, dtype, "r", begin, tuple(shape)))  # a memmap is slow to slice
