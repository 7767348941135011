"""ONNX graphs written without the package onnx, which is an extra.

Only the wire format of protocol buffers is needed. See onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Attribute: TypeAlias = int | str | tuple[int, ...]

_IR_VERSION = 8
_OPERATORS = 13  # the version of the operators
_VARINT, _BYTES = 0, 2  # wire types
_FLOAT = 1  # the type of a tensor
_INT, _STRING, _INTS = 2, 3, 7  # the types of an attribute


class GraphWriter:
    """A graph that is written down operation by operation, in the order in which they run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """A tensor of float32; its name."""
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        dims = [_field(1, size) for size in values.shape]
        self._constants.append(
            b"".join([*dims, _field(2, _FLOAT), _field(8, name), _field(9, raw)])
        )
        return name

    def operation(self, kind: str, inputs: tuple[str, ...], output: str, **how: Attribute) -> str:
        """An operation of the standard set; the name of its output."""
        attributes = [_field(5, _attribute(name, value)) for name, value in how.items()]
        names = [*(_field(1, name) for name in inputs), _field(2, output), _field(3, output)]
        self._nodes.append(b"".join([*names, _field(4, kind), *attributes]))
        return output

    def model(
        self, takes: tuple[str, tuple[int, ...]], gives: tuple[str, tuple[int, ...]]
    ) -> bytes:
        """The file: the names and shapes of its input and output, but for the batch."""
        graph = [
            *(_field(1, node) for node in self._nodes),
            _field(2, self._name),
            *(_field(5, constant) for constant in self._constants),
            _field(11, _value(*takes)),
            _field(12, _value(*gives)),
        ]
        operators = _field(8, _field(2, _OPERATORS))
        return _field(1, _IR_VERSION) + _field(7, b"".join(graph)) + operators


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    """A batch of tensors of float32, of any number."""
    sizes = [_field(2, "n"), *(_field(1, size) for size in shape)]
    dims = b"".join(_field(1, size) for size in sizes)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, dims)))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, tuple):
        return _field(1, name) + b"".join(_field(8, one) for one in value) + _field(20, _INTS)
    number, kind = (3, _INT) if isinstance(value, int) else (4, _STRING)
    return _field(1, name) + _field(number, value) + _field(20, kind)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
