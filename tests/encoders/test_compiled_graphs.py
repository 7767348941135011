"""Compiled graphs are kept: what is found is equal, and what is damaged is compiled again."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder.encoders import compiled_graphs, runtimes
from imagefinder.encoders.onnx import Onnx
from imagefinder.errors import ModelError

from ..conftest import drawn

IMAGES = [drawn(seed, 32, 32) for seed in range(3)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are kept."""
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path))
    return tmp_path / "cache" / "compiled"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The graphs that are read to be compiled."""
    found: list[str] = []
    prepared = runtimes.prepared

    def noted(spec: runtimes.GraphSpec) -> Any:
        found.append(Path(spec.path).name)
        return prepared(spec)

    monkeypatch.setattr(runtimes, "prepared", noted)
    return found


def rows(model: Path, **options: Any) -> Any:
    """Of an encoder that is made anew."""
    return np.concatenate(Onnx.from_argument(str(model), options).encode(IMAGES))


def test_a_kept_graph_is_not_read_and_gives_the_same_to_the_bit(
    tiny_model: Path, compiled: list[str], folder: Path
) -> None:
    first = rows(tiny_model)
    (file,) = folder.iterdir()
    os.utime(file, ns=(0, 0))
    assert np.array_equal(rows(tiny_model), first)
    assert compiled == ["tiny.onnx"]
    assert file.stat().st_mtime_ns > 0  # it counts as used


@pytest.mark.parametrize("changed", [{"mean": 0.5}, {"precision": "f32"}, {"output": "strong"}])
def test_other_settings_are_compiled_on_their_own(
    tiny_model: Path, compiled: list[str], folder: Path, changed: dict[str, Any]
) -> None:
    rows(tiny_model)
    rows(tiny_model, **changed)
    assert len(compiled) == len(list(folder.iterdir())) == 2


def test_another_graph_of_the_same_name_is_compiled_on_its_own(
    tiny_model: Path, tmp_path: Path, compiled: list[str]
) -> None:
    copy = tmp_path / "tiny.onnx"
    shutil.copyfile(tiny_model, copy)
    encoder = Onnx.from_argument(str(copy), {})
    rows(copy)
    copy.write_bytes(copy.read_bytes() + b"\x12\x01x")  # names its producer
    with pytest.raises(ModelError, match="has changed"):
        encoder.encode(IMAGES)
    rows(copy)
    assert len(compiled) == 2


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def of_another_precision(content: bytes) -> bytes:
    head, _, export = content.partition(b"\n")
    return json.dumps({**json.loads(head), "precision": "f7"}).encode() + b"\n" + export


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: content[:-1],
        lambda content: content.partition(b"\n")[0],
        lambda content: b"[1]\n" + content.partition(b"\n")[2],
        lambda content: b"\xff" * 5000,
        lambda content: b"",
        of_another_precision,
    ],
)
def test_what_is_damaged_is_compiled_and_kept_again(
    tiny_model: Path, compiled: list[str], folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = rows(tiny_model)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert np.array_equal(rows(tiny_model), first)
    assert len(compiled) == 2
    assert np.array_equal(rows(tiny_model), first)
    assert len(compiled) == 2


def test_without_a_place_to_keep_it_a_graph_is_compiled_each_time(
    tiny_model: Path, tmp_path: Path, compiled: list[str]
) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert np.array_equal(rows(tiny_model), rows(tiny_model))
    assert len(compiled) == 2


def test_those_used_longest_ago_make_room(
    tiny_model: Path, compiled: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(tiny_model, mean=0.1)
    (oldest,) = folder.iterdir()
    monkeypatch.setattr(compiled_graphs, "_MOST_BYTES", oldest.stat().st_size * 9 // 2)
    for number in range(2, 6):
        os.utime(oldest, ns=(0, 0))
        rows(tiny_model, mean=number / 10)
    assert oldest not in folder.iterdir()
    assert len(list(folder.iterdir())) == 4
    rows(tiny_model, mean=0.5)
    assert len(compiled) == 5


def test_a_graph_that_takes_a_quarter_of_the_room_is_not_kept(
    tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_graphs, "_MOST_BYTES", 4000)
    rows(tiny_model)
    assert not folder.exists()


def test_a_kept_graph_says_too_that_its_precision_is_not_the_one_chosen(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # read by the program, too late for OpenVINO
    monkeypatch.setattr("imagefinder.encoders.precision.sixteen_bits_work", lambda: False)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            first = rows(tiny_model, precision="bf16")
        assert "computes in 32 bits" in caplog.text
    assert np.array_equal(first, rows(tiny_model, precision="f32"))


def test_what_has_no_checksum_is_not_kept(tiny_model: Path, folder: Path) -> None:
    spec = runtimes.GraphSpec(
        path=str(tiny_model),
        output="embedding",
        layout="NCHW",
        size=(32, 32),
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        channels="RGB",
        runtime="openvino",
        precision="f32",
    )
    assert runtimes.OpenVino(spec).run(IMAGES).shape[0] == 3
    assert not folder.exists()


def test_the_tools_of_openvino_are_not_imported_but_can_be() -> None:
    runtimes.openvino()
    assert sys.modules.get("openvino.tools.ovc", "not imported") is not None
