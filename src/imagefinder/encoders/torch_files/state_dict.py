"""The tensors of a state dict, from the legacy format of ``torch.save``.

The format is a stream: pickles of a magic number, of the version, of the system and of the state
dict, whose tensors refer to storages by key; a pickle of all keys; then each storage as its length
and its numbers. See ``_legacy_save`` in torch/serialization.py.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.text import one_line
from imagefinder.encoders.torch_files.pickles import (
    DTYPES,
    Name,
    Reference,
    TensorCall,
    read_pickle,
)
from imagefinder.errors import ModelError

StateDict: TypeAlias = dict[str, NDArray[Any]]

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_ZIP = b"PK\x03\x04"
_LENGTH = 8  # bytes
_MOST_BYTES = 1 << 30
_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class _Storage:
    """Numbers that tensors share."""

    key: str
    dtype: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _View:
    """A tensor: which numbers of a storage, counted in numbers."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_state_dict(file: Path, sha256: str) -> StateDict:
    """The tensors in a file, by name. Raises ModelError, also if the file has another SHA-256."""
    content = _content(file)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{file} is rejected: its SHA-256 is {found[:16]}…, not {sha256[:16]}… as pinned"
        )
    try:
        return state_dict(content)
    except ValueError as error:
        raise ModelError(f"{file} is refused: {one_line(error)}") from error


def state_dict(content: bytes) -> StateDict:
    """The tensors of a state dict, by name: read-only views of the content. Raises ValueError."""
    data = memoryview(content)
    place = _after_header(data)
    named, place = read_pickle(data, place)
    if type(named) is not dict:
        raise ValueError("it does not hold a state dict: save model.state_dict(), not the model")
    views = {name: _view(name, value) for name, value in named.items()}
    keys, place = read_pickle(data, place)
    numbers = _numbers(data, place, _storages(views, keys))
    return {name: _array(view, numbers[view.storage.key]) for name, view in views.items()}


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():  # opening a pipe would wait forever
            raise FileNotFoundError(0, "No such file")
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({one_line(error)})") from error
    if len(content) > _MOST_BYTES:
        raise ModelError(f"{file} is refused: it is larger than {_MOST_BYTES >> 20:,} MiB")
    return content


def _after_header(data: memoryview) -> int:
    """Where the state dict begins."""
    if data[: len(_ZIP)] == _ZIP:
        raise ValueError(
            "it is in torch's newer format, a zip archive: load it with torch, and save it with "
            "_use_new_zipfile_serialization=False"
        )
    try:
        magic, place = read_pickle(data, 0)
    except ValueError:
        magic, place = None, 0
    if magic != _MAGIC:
        raise ValueError("it was not written by torch.save")
    version, place = read_pickle(data, place)
    system, place = read_pickle(data, place)
    if version != _VERSION or type(system) is not dict or system.get("little_endian") is not True:
        raise ValueError("it is in another version of torch's format, or of a big-endian machine")
    return place


def _view(name: str, value: Any) -> _View:
    match value:
        case TensorCall((Reference(identity), offset, tuple(size), tuple(stride), bool(), dict())):
            view = _View(_storage(identity), offset, size, stride)
            _check_bounds(name, view)
            return view
    raise ValueError(f"{name!r} is not a tensor")


def _storage(identity: Any) -> _Storage:
    match identity:
        case ("storage", Name(kind), str(key), str(), length, None):
            if kind in DTYPES and _is_size(length):
                return _Storage(key, np.dtype(DTYPES[kind]), length)
    raise ValueError("a tensor is not in a storage of numbers of a known type")


def _is_size(value: Any) -> bool:
    """Whether it may be a length in a file of the size that is read."""
    return type(value) is int and 0 <= value <= _MOST_BYTES


def _check_bounds(name: str, view: _View) -> None:
    """Raises ValueError for a tensor that reaches outside its storage, or repeats its numbers."""
    numbers = (view.offset, *view.size, *view.stride)
    if len(view.size) != len(view.stride) or len(view.size) > _MOST_DIMENSIONS:
        raise ValueError(f"the dimensions of {name!r} make no sense")
    if not all(map(_is_size, numbers)):
        raise ValueError(f"the size, the strides or the offset of {name!r} make no sense")
    count = math.prod(view.size)
    last = view.offset + sum((n - 1) * step for n, step in zip(view.size, view.stride, strict=True))
    if count > view.storage.length or (count and last >= view.storage.length):
        raise ValueError(f"{name!r} is larger than its storage")


def _storages(views: Mapping[str, _View], keys: Any) -> list[_Storage]:
    """All storages, in the order in which they are stored."""
    storages: dict[str, _Storage] = {}
    for name, view in views.items():
        if storages.setdefault(view.storage.key, view.storage) != view.storage:
            raise ValueError(f"{name!r} and another tensor describe their storage differently")
    is_list = type(keys) is list and all(type(key) is str for key in keys)
    if not is_list or sorted(keys) != sorted(storages):
        raise ValueError("its storages are not those of its tensors")
    return [storages[key] for key in keys]


def _numbers(data: memoryview, place: int, storages: list[_Storage]) -> dict[str, memoryview]:
    numbers = {}
    for storage in storages:
        length = int.from_bytes(data[place : place + _LENGTH], "little")
        place += _LENGTH
        end = place + storage.length * storage.dtype.itemsize
        if length != storage.length or end > len(data):
            raise ValueError("it ends too early, or a storage has another length than it says")
        numbers[storage.key] = data[place:end]
        place = end
    if place != len(data):
        raise ValueError(f"{len(data) - place:,} bytes follow its last storage")
    return numbers


def _array(view: _View, numbers: memoryview) -> NDArray[Any]:
    dtype = view.storage.dtype
    if 0 in view.size:
        return np.empty(view.size, dtype)
    return np.ndarray(
        view.size,
        dtype,
        buffer=numbers,
        offset=view.offset * dtype.itemsize,
        strides=[step * dtype.itemsize for step in view.stride],
    )
