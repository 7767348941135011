"""Files in torch's legacy format, put together by hand, so that they may say anything."""

import pickle
from collections.abc import Sequence
from typing import Any

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}


def raw(value: Any) -> bytes:
    """The instructions that make a value, without those that begin and end a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def pickled(instructions: bytes) -> bytes:
    return b"\x80\x02" + instructions + b"."


def tensor(
    size: Any = (2, 3),
    stride: Any = (3, 1),
    offset: Any = 0,
    *,
    key: Any = "0",
    kind: bytes = b"ctorch\nFloatStorage\n",
    length: Any = 6,
    view: Any = None,
) -> bytes:
    storage = [raw("storage"), kind, raw(key), raw("cpu"), raw(length), raw(view)]
    reference = b"(" + b"".join(storage) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    parts = [reference, raw(offset), raw(size), raw(stride), raw(False), hooks]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + b"".join(parts) + b"tR"


def ordered(items: dict[str, bytes]) -> bytes:
    """An OrderedDict, as a state dict is."""
    pairs = b"".join(raw(name) + value for name, value in items.items())
    return b"ccollections\nOrderedDict\n)R(" + pairs + b"u"


def stored(numbers: bytes, length: int) -> bytes:
    return length.to_bytes(8, "little") + numbers


def stream(
    state: bytes,
    keys: Sequence[Any] | bytes = ("0",),
    storages: bytes | None = None,
    *,
    magic: Any = MAGIC,
    version: Any = 1001,
    system: Any = SYSTEM,
) -> bytes:
    """A file; without storages, with one of six numbers."""
    if storages is None:
        storages = stored(bytes(range(24)), 6)
    header = b"".join(pickle.dumps(value, 2) for value in (magic, version, system))
    listed = keys if isinstance(keys, bytes) else raw(list(keys))
    return header + pickled(state) + pickled(listed) + storages
