"""Files of arrays: any reader of safetensors opens them, and no damage goes unnoticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from safetensors.numpy import load_file

from imagefinder.errors import IndexDamaged
from imagefinder.indexes.array_file import ArrayStream, load_arrays, save_arrays, stored_checksum

ARRAYS: dict[str, NDArray[Any]] = {
    "keys": np.arange(5, dtype=np.int64),
    "codes": np.arange(15, dtype=np.int8).reshape(5, 3),
    "scales": np.linspace(0, 1, 5, dtype=np.float32),
    "bits": np.arange(7, dtype=np.uint8).reshape(1, 7),
    "none": np.empty((0, 4), np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_arrays(tmp_path / "a", {name: ArrayStream.of(one) for name, one in ARRAYS.items()})
    return tmp_path / "a"


def test_what_was_saved_is_loaded_aligned_and_read_only(path: Path) -> None:
    loaded = load_arrays(path)
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert_array_equal(loaded[name], array, strict=True)
        if array.size:
            assert loaded[name].ctypes.data % 64 == 0
            assert not loaded[name].flags.writeable


def test_the_safetensors_library_reads_it(path: Path) -> None:
    tensors = load_file(path)
    assert ARRAYS.keys() <= tensors.keys()
    for name, array in ARRAYS.items():
        assert_array_equal(tensors[name], array, strict=True)
    assert tensors["checksum"].tolist() == [stored_checksum(path)]


def test_chunks_are_written_one_after_the_other(tmp_path: Path) -> None:
    chunks = (np.full((2, 3), number, np.float64) for number in range(4))
    save_arrays(tmp_path / "a", {"x": ArrayStream(np.dtype("<f4"), (8, 3), chunks)})
    wanted = np.repeat(np.arange(4, dtype=np.float32), 2)[:, None] * np.ones(3, np.float32)
    assert_array_equal(load_arrays(tmp_path / "a")["x"], wanted, strict=True)


def test_any_damaged_byte_is_noticed(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    spoilt = tmp_path / "spoilt"
    for place in range(len(content)):
        spoilt.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(IndexDamaged):
            load_arrays(spoilt)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"IFARRAY1" + bytes(80),  # the container of the first versions
        b"\x02" + bytes(7) + b"{}" + bytes(40),
        b"\x02" + bytes(7) + b"[]" + bytes(40),
        b"\xff" * 100,
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(IndexDamaged, match="other cannot be used"):
        load_arrays(tmp_path / "other")


def test_a_truncated_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in (3, 70, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(IndexDamaged):
            load_arrays(path)
