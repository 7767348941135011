"""Pickles as data: nothing is imported and nothing is called, whatever a file says.

A pickle is a program for a machine with a stack. This machine knows only the instructions that
describe tensors: numbers, texts, tuples, lists and dictionaries. Where Python's own would import a
function and call it, this one notes its name and arguments, and only for the few names below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

DTYPES = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
}
"""NumPy's types of the numbers in each kind of storage."""

_TENSOR = "torch._utils._rebuild_tensor_v2"
_DICTIONARY = "collections.OrderedDict"
_NAMES = {*DTYPES, _TENSOR, _DICTIONARY}
_MOST_INSTRUCTIONS = 1_000_000  # an instruction of a byte may take a hundred of memory
_MOST_TEXT = 300  # bytes


@dataclass(frozen=True)
class Name:
    """The name of something in Python, with its module."""

    text: str


@dataclass(frozen=True)
class TensorCall:
    """The call that would make a tensor, which is not made."""

    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Reference:
    """What the file says of something stored outside the pickle."""

    identity: Any


def read_pickle(content: memoryview, place: int) -> tuple[Any, int]:
    """The value of the pickle at a place, and where it ends. Raises ValueError."""
    machine = _Machine(content, place)
    for _ in range(_MOST_INSTRUCTIONS):
        code = machine.take(1)
        if code == b".":
            return machine.pop(), machine.place
        step = _STEPS.get(code)
        if step is None:
            raise ValueError(f"it has the instruction {code!r}, which no tensor needs")
        step(machine)
    raise ValueError(f"it has more than {_MOST_INSTRUCTIONS:,} instructions")


class _Machine:
    """The stack, the places marked in it, and the values that are used again."""

    def __init__(self, content: memoryview, place: int) -> None:
        self.content = content
        self.place = place
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        """The next bytes of the file."""
        taken = bytes(self.content[self.place : self.place + count])
        if len(taken) < count:
            raise ValueError("it ends too early")
        self.place += count
        return taken

    def skip(self, count: int) -> None:
        """Pass over some bytes."""
        self.take(count)

    def number(self, size: int, *, signed: bool = False) -> int:
        """The next bytes as a number."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self) -> str:
        """The next bytes up to the end of the line."""
        coming = bytes(self.content[self.place : self.place + _MOST_TEXT])
        line, end, _ = coming.partition(b"\n")
        if not end:
            raise ValueError("it has a name without an end")
        self.place += len(line) + 1
        return line.decode()

    def text(self) -> str:
        """The next text, after its length."""
        length = self.number(4)
        if length > _MOST_TEXT:
            raise ValueError(f"it has a text of {length:,} bytes, longer than any name")
        return self.take(length).decode()

    def push(self, value: Any) -> None:
        """Put on top of the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take from the top of the stack, down to the last mark."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes more values than there are")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        """Take all that is above the last mark."""
        if not self.marks:
            raise ValueError("it takes more values than there are")
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def top(self, kind: type) -> Any:
        """What is on top, which must be of that type."""
        value = self.pop()
        if type(value) is not kind:
            raise ValueError(f"it alters a {type(value).__name__} as if it were a {kind.__name__}")
        self.push(value)
        return value

    def last(self, count: int) -> tuple[Any, ...]:
        """Take some values, of which the last one was on top."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def keep_as(self, key: int) -> None:
        """Keep what is on top for later."""
        value = self.pop()
        self.push(value)
        self.memo[key] = value

    def kept(self, key: int) -> Any:
        """A value that was kept for later."""
        if key not in self.memo:
            raise ValueError("it uses a value that it never kept")
        return self.memo[key]


_Step: TypeAlias = Callable[[_Machine], None]


def _name(machine: _Machine) -> None:
    name = f"{machine.line()}.{machine.line()}"
    if name not in _NAMES:
        raise ValueError(f"it names {name!r}, which is no part of a tensor")
    machine.push(Name(name))


def _call(machine: _Machine) -> None:
    arguments, function = machine.pop(), machine.pop()
    if not isinstance(function, Name) or not isinstance(arguments, tuple):
        raise ValueError("it calls something that is no function")
    if function.text == _TENSOR:
        machine.push(TensorCall(arguments))
    elif function.text == _DICTIONARY and not arguments:
        machine.push({})
    else:
        raise ValueError(f"it calls {function.text!r} as no tensor does")


def _set_attributes(machine: _Machine) -> None:
    """Those of a dictionary, as the versions of layers, are left out."""
    machine.pop()
    machine.top(dict)


def _set_items(machine: _Machine, items: Sequence[Any]) -> None:
    keys, values = items[::2], items[1::2]
    if len(keys) != len(values) or not all(isinstance(key, str) for key in keys):
        raise ValueError("it has a dictionary whose keys are not names")
    machine.top(dict).update(zip(keys, values, strict=True))


def _append(machine: _Machine, values: Iterable[Any]) -> None:
    machine.top(list).extend(values)


_STEPS: dict[bytes, _Step] = {
    b"\x80": lambda machine: machine.skip(1),  # the version of pickle
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"K": lambda machine: machine.push(machine.number(1)),
    b"M": lambda machine: machine.push(machine.number(2)),
    b"J": lambda machine: machine.push(machine.number(4, signed=True)),
    b"\x8a": lambda machine: machine.push(machine.number(machine.number(1), signed=True)),
    b"X": lambda machine: machine.push(machine.text()),
    b"}": lambda machine: machine.push({}),
    b"]": lambda machine: machine.push([]),
    b")": lambda machine: machine.push(()),
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"t": lambda machine: machine.push(tuple(machine.pop_to_mark())),
    b"\x85": lambda machine: machine.push(machine.last(1)),
    b"\x86": lambda machine: machine.push(machine.last(2)),
    b"\x87": lambda machine: machine.push(machine.last(3)),
    b"a": lambda machine: _append(machine, machine.last(1)),
    b"e": lambda machine: _append(machine, machine.pop_to_mark()),
    b"s": lambda machine: _set_items(machine, machine.last(2)),
    b"u": lambda machine: _set_items(machine, machine.pop_to_mark()),
    b"q": lambda machine: machine.keep_as(machine.number(1)),
    b"r": lambda machine: machine.keep_as(machine.number(4)),
    b"h": lambda machine: machine.push(machine.kept(machine.number(1))),
    b"j": lambda machine: machine.push(machine.kept(machine.number(4))),
    b"c": _name,
    b"R": _call,
    b"Q": lambda machine: machine.push(Reference(machine.pop())),
    b"b": _set_attributes,
}
