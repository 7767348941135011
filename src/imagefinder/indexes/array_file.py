"""Checksummed, memory-mapped arrays in the safetensors layout, written in one atomic step.

Eight bytes with the length of a JSON header, the header, then the arrays: any reader of
safetensors can open the file. Padding arrays align each array to 64 bytes. The last array, of one
64-bit number, is the checksum (XXH3) of all bytes before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64

from imagefinder._utils.atomic import atomic_write
from imagefinder.errors import IndexDamaged

MappedArrays = dict[str, NDArray[Any]]

_ALIGNMENT = 64
_CHUNK = 2**20  # bytes read at a time, so that they stay in the processor's cache
_WORD = 8
_CHECKSUM = "checksum"
_PADDING = "padding"
_DTYPES = {"F32": "<f4", "I64": "<i8", "I8": "|i1", "U8": "|u1", "U64": "<u8"}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class ArrayStream:
    """An array that is written chunk by chunk, along its first axis."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: Iterable[NDArray[Any]]

    @classmethod
    def of(cls, array: NDArray[Any]) -> ArrayStream:
        """A whole array as one chunk."""
        return cls(array.dtype, array.shape, [array])

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return prod(self.shape) * self.dtype.itemsize


def save_arrays(path: Path, arrays: Mapping[str, ArrayStream]) -> None:
    """Write the arrays to ``path`` atomically. Raises OSError."""
    with atomic_write(path) as unfinished:
        write_arrays(unfinished, arrays)


def write_arrays(path: Path, arrays: Mapping[str, ArrayStream]) -> None:
    """Write the arrays into a file, whatever it contains. Raises OSError."""
    digest = xxh3_64()
    with path.open("wb") as file:
        for part in _parts(_with_padding(arrays)):
            file.write(part)
            digest.update(part)
        file.write(digest.intdigest().to_bytes(_WORD, "little"))


def load_arrays(path: Path) -> MappedArrays:
    """The arrays, memory-mapped and read-only. Raises IndexDamaged for any other file."""
    try:
        with path.open("rb") as file:
            header, begin = _read_header(file)
            file.seek(0)
            end = os.fstat(file.fileno()).st_size - _WORD
            if checksum_of(file, end) != int.from_bytes(file.read(_WORD), "little"):
                raise ValueError("its checksum is wrong")
            return {
                name: _map(file, begin, entry)
                for name, entry in header.items()
                if name != _CHECKSUM and not name.startswith(_PADDING)
            }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, MemoryError) as error:
        raise IndexDamaged(f"{path.name} cannot be used: {error}") from error


def stored_checksum(path: Path) -> int:
    """The checksum at the end of a file of arrays. Raises OSError."""
    with path.open("rb") as file:
        file.seek(-_WORD, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def checksum_of(file: BufferedReader, size: int | None = None) -> int:
    """The XXH3 of the next ``size`` bytes, or of all that are left."""
    digest, buffer = xxh3_64(), memoryview(bytearray(_CHUNK))
    while count := file.readinto(buffer if size is None else buffer[:size]):
        digest.update(buffer[:count])
        size = None if size is None else size - count
    return digest.intdigest()


def _parts(layout: Mapping[str, ArrayStream]) -> Iterator[bytes | memoryview]:
    """The bytes of a file, up to its checksum."""
    yield _header(layout)
    for array in layout.values():
        for chunk in array.chunks:
            if chunk.size:  # or it cannot be cast
                yield np.ascontiguousarray(chunk, array.dtype).data.cast("B")


def _with_padding(arrays: Mapping[str, ArrayStream]) -> dict[str, ArrayStream]:
    """The arrays, and before what would be misaligned zeros: the layout allows no gaps."""
    layout: dict[str, ArrayStream] = {}
    end = 0
    checksum = ArrayStream(np.dtype("<u8"), (1,), [])  # known once all else is written
    for name, array in {**arrays, _CHECKSUM: checksum}.items():
        if gap := -end % _ALIGNMENT:
            layout[f"{_PADDING}{len(layout)}"] = ArrayStream.of(np.zeros(gap, np.uint8))
        layout[name] = array
        end += gap + array.nbytes
    return layout


def _header(layout: Mapping[str, ArrayStream]) -> bytes:
    """The length and the JSON, filled up with blanks so that the first array is aligned."""
    entries: dict[str, Any] = {}
    end = 0
    for name, array in layout.items():
        begin, end = end, end + array.nbytes
        dtype = _NAMES[array.dtype.str]
        entries[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-(_WORD + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(_WORD, "little") + text


def _read_header(file: BufferedReader) -> tuple[dict[str, Any], int]:
    """The entries, and where the first array begins; the file is as long as they say."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_WORD), "little")
    if length > size - 2 * _WORD:
        raise ValueError("it is truncated, or no file of arrays")
    header = json.loads(file.read(length))
    begin = _WORD + length
    if begin + header[_CHECKSUM]["data_offsets"][1] != size:
        raise ValueError("its size is wrong")
    return header, begin


def _map(file: BufferedReader, begin: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
    first, last = entry["data_offsets"]
    if last - first != prod(shape) * dtype.itemsize:
        raise ValueError("its header contradicts itself")
    if first == last:  # no bytes cannot be mapped
        return np.empty(shape, dtype)
    # a plain array: a memmap is slow to slice
    return np.asarray(np.memmap(file, dtype, "r", begin + first, shape))
