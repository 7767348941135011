"""Files that are not what they say are refused with a reason, and nothing in them runs."""

import hashlib
import os
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.encoders.torch_files import state_dict as module
from imagefinder.encoders.torch_files.state_dict import read_state_dict, state_dict
from imagefinder.errors import ModelError

from .stream import MAGIC, ordered, pickled, raw, stored, stream, tensor

RIGHT = stream(ordered({"weight": tensor()}))


def test_the_right_file_is_read() -> None:
    assert state_dict(RIGHT)["weight"].tobytes() == bytes(range(24))


class Runs:
    """What makes Python's own ``pickle`` call something."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._made_by = (function, arguments)

    def __reduce__(self) -> Any:
        return self._made_by


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("place", ["magic", "version", "system", "state", "value", "keys"])
def test_no_function_is_called_from_anywhere_in_a_file(
    place: str, protocol: int, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    call = pickle.dumps(Runs(os.system, f"touch {marker}"), protocol)  # a whole pickle
    inner = call[2:-1] if protocol > 1 else call[:-1]
    system = pickle.dumps({}, 2)
    magic, version = pickle.dumps(MAGIC, 2), pickle.dumps(1001, 2)
    content = {
        "magic": call + RIGHT,
        "version": magic + call,
        "system": magic + version + call + system,
        "state": stream(inner),
        "value": stream(ordered({"weight": inner})),
        "keys": stream(ordered({"weight": tensor()}), inner),
    }[place]
    with pytest.raises(ValueError):
        state_dict(content)
    assert not marker.exists()


GLOBALS = [
    b"cos\nsystem\n",
    b"cposix\nsystem\n",
    b"cbuiltins\neval\n",
    b"c__builtin__\nexec\n",
    b"csubprocess\nPopen\n",
    b"ctorch\nload\n",
    b"ctorch.hub\nload\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch.storage\n_load_from_bytes\n",
    b"ctorch\nBFloat16Storage\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"ccollections\nOrderedDict.update\n",
    b"ccollections.OrderedDict\n__init__\n",
    b"c\n\n",
]


@pytest.mark.parametrize("name", GLOBALS)
def test_other_names_are_refused_where_they_are_named(name: bytes) -> None:
    with pytest.raises(ValueError, match="which is no part of a tensor"):
        state_dict(stream(ordered({"weight": name})))


OTHER_INSTRUCTIONS = {
    "STACK_GLOBAL": raw("os") + raw("system") + b"\x93",
    "INST": b"(" + raw("ls") + b"ios\nsystem\n",
    "OBJ": b"(cos\nsystem\n" + raw("ls") + b"o",
    "NEWOBJ": b"ccollections\nOrderedDict\n)\x81",
    "NEWOBJ_EX": b"ccollections\nOrderedDict\n)}\x92",
    "EXT1": b"\x82\x01",
    "PERSID": b"Pstorage\n",
    "BINUNICODE8": b"\x8d" + (1 << 62).to_bytes(8, "little"),
    "BYTEARRAY8": b"\x96" + (1 << 62).to_bytes(8, "little"),
    "LONG4": b"\x8b" + (1 << 30).to_bytes(4, "little"),
    "FRAME": b"\x95" + (1 << 62).to_bytes(8, "little"),
    "LONG": b"L" + b"9" * 5000 + b"L\n",
}


@pytest.mark.parametrize("name", OTHER_INSTRUCTIONS)
def test_instructions_that_no_tensor_needs_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"which no tensor needs|which is no part of a tensor"):
        state_dict(stream(OTHER_INSTRUCTIONS[name]))


def doubled() -> bytes:
    """A tuple of itself twice, forty times: a million million values, were they ever counted."""
    return raw(()) + b"q\x01h\x01\x86" * 40


CALLS = {
    "OrderedDict of something": b"ccollections\nOrderedDict\n(]tR",
    "a storage": b"ctorch\nFloatStorage\n)R",
    "a text": raw("os.system") + b")R",
    "without arguments": b"ccollections\nOrderedDict\n]R",
    "attributes of a text": raw("a") + b"}b",
    "items of a list": b"]" + raw("a") + raw(1) + b"s",
    "appended to a dictionary": b"}" + raw("a") + b"a",
    "a key that is a number": b"}" + raw(1) + raw(1) + b"s",
    "a key that is nested": b"}" + doubled() + raw(1) + b"s",
    "a key without a value": b"}(" + raw("a") + b"u",
    "nothing on the stack": b"\x86",
    "no mark": b"t",
    "below the mark": raw(1) + b"(\x85",
    "never kept": b"h\x07",
    "a far place never kept": b"j\xff\xff\xff\xff",
    "a name without an end": b"c" + b"a" * 5000,
    "a text of four gigabytes": b"X\xff\xff\xff\xff",
    "a text that is none": b"X\x01\x00\x00\x00\xff",
    "a name that is none": b"c\xff\n\xff\n",
    "doubled as a tensor": ordered({"weight": doubled()}),
    "a module": raw("module"),
    "a list": b"]",
    "a tensor alone": tensor(),
    "a number": ordered({"weight": raw(3)}),
    "a dictionary in it": ordered({"weight": ordered({"a": tensor()})}),
}


@pytest.mark.parametrize("name", CALLS)
def test_pickles_that_are_no_state_dicts_are_refused(name: str) -> None:
    with pytest.raises(ValueError) as raised:
        state_dict(stream(CALLS[name]))
    assert len(str(raised.value)) < 200


HUGE = 1 << 62
TENSORS: dict[str, dict[str, Any]] = {
    "huge sizes": {"size": (1 << 40, 1 << 40)},
    "a huge size": {"size": (HUGE,), "stride": (1,)},
    "a huge size of nothing": {"size": (0, HUGE, HUGE), "stride": (1, 1, 1)},
    "larger than the storage": {"size": (3, 3), "stride": (3, 1)},
    "repeated by a stride of 0": {"size": (1 << 20, 1 << 10), "stride": (0, 0)},
    "a stride beyond the end": {"size": (2, 3), "stride": (4, 1)},
    "a huge stride": {"size": (2, 1), "stride": (HUGE, 1)},
    "a huge stride of one": {"size": (1, 1), "stride": (HUGE, HUGE)},
    "a negative stride": {"size": (2, 3), "stride": (3, -1), "offset": 2},
    "a negative size": {"size": (-2, -3)},
    "a negative offset": {"offset": -1},
    "an offset beyond the end": {"offset": 1},
    "a huge offset": {"offset": HUGE},
    "an offset of nothing": {"size": (0,), "stride": (1,), "offset": HUGE},
    "fewer strides": {"stride": (1,)},
    "many dimensions": {"size": (1,) * 70, "stride": (1,) * 70},
    "no tuple": {"size": [2, 3]},
    "sizes that are no numbers": {"size": ("2", "3")},
    "sizes that are true": {"size": (True, True)},
    "a huge storage": {"length": HUGE},
    "a negative storage": {"length": -6},
    "a longer storage": {"length": 7},
    "a storage of text": {"length": "6"},
    "a view of a storage": {"view": ("1", 0, 6)},
    "a key that is a number": {"key": 0},
    "no storage": {"kind": raw("torch.FloatStorage")},
    "a dictionary as storage": {"kind": b"ccollections\nOrderedDict\n"},
    "another kind of storage": {"kind": b"ctorch\nDoubleStorage\n"},
    "another storage": {"key": "1"},
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_outside_their_storages_are_refused_before_memory_is_taken(name: str) -> None:
    content = stream(ordered({"weight": tensor(**TENSORS[name])}))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            state_dict(content)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


ONE = ordered({"weight": tensor()})
STREAMS = {
    "empty": (b"", "was not written by torch.save"),
    "text": (b"hello", "was not written by torch.save"),
    "an image": (b"\x89PNG\r\n\x1a\n", "was not written by torch.save"),
    "another magic number": (stream(ONE, magic=1), "was not written by torch.save"),
    "a zip archive": (b"PK\x03\x04" + bytes(100), "newer format, a zip archive"),
    "another version": (stream(ONE, version=1002), "another version"),
    "big-endian": (stream(ONE, system={"little_endian": False}), "big-endian"),
    "no system": (stream(ONE, system=[]), "another version"),
    "no keys": (stream(ONE, []), "storages are not those"),
    "other keys": (stream(ONE, ["1"]), "storages are not those"),
    "a key twice": (stream(ONE, ["0", "0"]), "storages are not those"),
    "keys that are numbers": (stream(ONE, [0]), "storages are not those"),
    "nested keys": (stream(ONE, b"](" + doubled() + b"e"), "storages are not those"),
    "keys that are a text": (stream(ONE, raw("0")), "storages are not those"),
    "a longer storage": (stream(ONE, storages=stored(bytes(28), 7)), "another length"),
    "a huge storage": (stream(ONE, storages=stored(bytes(24), HUGE)), "another length"),
    "more after the end": (RIGHT + b"more", "4 bytes follow"),
    "two lengths": (
        stream(ordered({"a": tensor(), "b": tensor(length=8)})),
        "describe their storage differently",
    ),
    "two kinds": (
        stream(ordered({"a": tensor(), "b": tensor(kind=b"ctorch\nIntStorage\n")})),
        "describe their storage differently",
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_are_put_together_wrongly_are_refused(name: str) -> None:
    content, reason = STREAMS[name]
    with pytest.raises(ValueError, match=reason):
        state_dict(content)


def test_a_file_that_ends_anywhere_before_its_end_is_refused() -> None:
    for end in range(len(RIGHT)):
        with pytest.raises(ValueError):
            state_dict(RIGHT[:end])


def test_a_pickle_without_an_end_is_left() -> None:
    with pytest.raises(ValueError, match="instructions"):
        state_dict(stream(b"N" * 1_100_000))


@given(st.integers(0, len(RIGHT) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_tensor_or_a_reason(place: int, value: int) -> None:
    changed = bytearray(RIGHT)
    changed[place] = value
    try:
        read = state_dict(bytes(changed))
    except ValueError:
        return
    assert all(array.nbytes <= 24 for array in read.values())


@given(st.binary(max_size=200))
def test_any_instructions_give_a_reason_and_no_other_error(instructions: bytes) -> None:
    with pytest.raises(ValueError):
        state_dict(stream(instructions, storages=b""))


@given(st.lists(st.sampled_from([bytes([one]) for one in b"\x80N\x88KMX}])(t\x85\x87aesuqhcRQb."])))
def test_known_instructions_in_any_order_give_a_reason(codes: list[bytes]) -> None:
    with pytest.raises(ValueError):
        state_dict(stream(b"".join(codes), storages=b""))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    path.write_bytes(RIGHT)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_only_the_bytes_that_are_pinned_are_read(file: Path) -> None:
    assert list(read_state_dict(file, sha256(RIGHT))) == ["weight"]
    with pytest.raises(ModelError, match=r"weights\.pth is rejected: its SHA-256 is .*as pinned"):
        read_state_dict(file, sha256(b"others"))


def test_a_file_that_is_refused_is_named_with_the_reason(file: Path) -> None:
    file.write_bytes(pickled(b"cos\nsystem\n"))
    with pytest.raises(ModelError, match=r"weights\.pth is refused: it was not written by torch"):
        read_state_dict(file, sha256(file.read_bytes()))


def test_a_file_that_is_too_large_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", len(RIGHT) - 1)
    with pytest.raises(ModelError, match=r"weights\.pth is refused: it is larger than"):
        read_state_dict(file, sha256(RIGHT))


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.pth", ".", "pipe"):
        with pytest.raises(ModelError, match="cannot be read"):
            read_state_dict(tmp_path / name, "")
