"""Tensors are read as torch reads them, bit for bit."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.encoders.torch_files.state_dict import state_dict

torch = pytest.importorskip("torch")

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
]


def legacy(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """A tensor whose numbers lie in any order, perhaps among others."""
    size = draw(st.lists(st.integers(0, 4), max_size=4))
    bits = draw(st.binary(min_size=8, max_size=8))
    dtype = draw(st.sampled_from(DTYPES))
    numbers = torch.from_numpy(np.resize(np.frombuffer(bits, np.uint8), 8 * 4**4 + 8).copy())
    flat = numbers.view(dtype)[draw(st.integers(0, 3)) :]
    whole = flat[: int(np.prod(size))].reshape(size)
    turned = whole.permute(draw(st.permutations(range(len(size)))))
    return turned[..., :: draw(st.integers(1, 2))] if size else turned


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), tensors(), max_size=4))
def test_what_torch_wrote_is_read_as_torch_reads_it(saved: dict[str, Any]) -> None:
    read = state_dict(legacy(saved))
    assert list(read) == list(saved)
    for name, tensor in saved.items():
        expected = tensor.contiguous().numpy()
        assert (read[name].dtype, read[name].shape) == (expected.dtype, expected.shape)
        assert read[name].tobytes() == expected.tobytes()


def test_tensors_may_share_a_storage() -> None:
    numbers = torch.arange(12.0)
    read = state_dict(
        legacy({"all": numbers, "some": numbers[3:7], "turned": numbers.view(3, 4).T})
    )
    assert read["some"].tolist() == [3, 4, 5, 6]
    assert read["turned"][1].tolist() == [1, 5, 9]


def test_a_module_gives_its_state_dict_with_the_versions_of_its_layers() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    read = state_dict(legacy(module.state_dict()))
    assert read["0.weight"].tobytes() == module[0].weight.detach().numpy().tobytes()
    assert read["1.num_batches_tracked"].shape == ()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([1, 2], id="a list"),
        pytest.param({"epoch": 3}, id="a number"),
        pytest.param({"model": {"weight": torch.zeros(2)}}, id="a checkpoint"),
        pytest.param({1: torch.zeros(2)}, id="a number as name"),
        pytest.param({"a": torch.nn.Parameter(torch.zeros(2))}, id="a parameter"),
        pytest.param({"a": torch.zeros(2, dtype=torch.bfloat16)}, id="bfloat16"),
        pytest.param({"a": torch.zeros(1).expand(9)}, id="repeated numbers"),
        pytest.param(torch.zeros(2), id="a tensor alone"),
    ],
)
def test_other_things_that_torch_saves_are_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        state_dict(legacy(value))


def test_the_newer_format_is_refused_with_a_way_out() -> None:
    file = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, file)
    with pytest.raises(ValueError, match="zip archive: load it with torch, and save it with"):
        state_dict(file.getvalue())
