"""All files of a graph count in its digest, and stay in its folder; loops end."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, helper, numpy_helper

from imagefinder.encoders import runtimes
from imagefinder.encoders.inference import embed
from imagefinder.encoders.model_store import digest, file_digest
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.onnx_files import external_files, is_onnx
from imagefinder.encoders.runtimes import GraphSpec, OnnxRuntime
from imagefinder.errors import ImageFinderError, ModelError, PluginError, UnencodableImage
from imagefinder.finder import Finder

FLOAT = TensorProto.FLOAT
node = helper.make_node
IMAGE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


def external(name: str, location: str, *shape: int) -> TensorProto:
    tensor = TensorProto(name=name, data_type=FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="length", value=str(4 * int(np.prod(shape))))
    return tensor


def saved(path: Path, nodes: list[Any], weights: list[TensorProto], dim: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", FLOAT, [1, dim])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def weighed(path: Path, location: str = "net.onnx.data", seed: int = 0) -> Path:
    """A graph whose weights are in a file of that name."""
    nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])]
    saved(path, nodes, [external("w", location, 192, 4)], 4)
    if not Path(location).is_absolute():
        weights = np.random.default_rng(seed).normal(size=(192, 4)).astype(np.float32)
        (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
        weights.tofile(path.parent / location)
    return path


# weights in other files


def test_weights_beside_a_graph_count_in_its_digest(tmp_path: Path) -> None:
    path = weighed(tmp_path / "net.onnx")
    before = digest(path)
    assert [one.name for one in external_files(path)] == ["net.onnx.data"]
    weighed(path, seed=1)
    assert digest(path) != before
    weighed(path, seed=0)
    assert digest(path) == before
    assert before != file_digest(path)


def test_a_graph_in_one_file_keeps_its_digest(tiny_model: Path) -> None:
    assert external_files(tiny_model) == []
    assert digest(tiny_model) == file_digest(tiny_model)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_exchanged_weights_are_noticed(runtime: str, tmp_path: Path) -> None:
    path = weighed(tmp_path / "net.onnx")
    options = {"runtime": runtime, "precision": "f32"}
    first = Onnx.from_argument(str(path), options).encode([IMAGE])[0]
    opened = Onnx.from_argument(str(path), options)
    weighed(path, seed=1)
    with pytest.raises(ModelError, match="its weights has changed"):
        opened.encode([IMAGE])
    weighed(path, seed=0)
    assert_allclose(Onnx.from_argument(str(path), options).encode([IMAGE])[0], first)


def test_a_catalogue_refuses_the_same_graph_with_other_weights(tmp_path: Path) -> None:
    path = weighed(tmp_path / "net.onnx")
    with Finder.create(tmp_path / "c.db", Onnx.from_argument(str(path), {})) as finder:
        finder.add([IMAGE])
    weighed(path, seed=1)
    with Finder.open(tmp_path / "c.db") as finder, pytest.raises(ImageFinderError, match="changed"):
        finder.add([IMAGE[::-1].copy()])


def test_a_recipe_that_did_not_cover_the_weights_is_told_apart(tmp_path: Path) -> None:
    path = weighed(tmp_path / "net.onnx")
    old = Onnx(path=str(path), sha256=file_digest(path), dim=4, output="y", size=(8, 8))
    with pytest.raises(ModelError, match="make the catalogue anew"):
        old.encode([IMAGE])


@pytest.mark.parametrize("location", ["../outside.data", "a/../../outside.data", "a/../b.data"])
def test_weights_outside_the_folder_are_refused(location: str, tmp_path: Path) -> None:
    path = weighed(tmp_path / "model/net.onnx", location)
    with pytest.raises(ModelError, match="outside its folder"):
        Onnx.from_argument(str(path), {})


def test_weights_at_an_absolute_path_or_behind_a_link_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "secret.data"
    np.zeros((192, 4), np.float32).tofile(weights)
    with pytest.raises(ModelError, match="outside its folder"):
        Onnx.from_argument(str(weighed(tmp_path / "model/net.onnx", str(weights))), {})
    (tmp_path / "model/net.onnx.data").symlink_to(weights)
    nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])]
    path = saved(tmp_path / "model/net.onnx", nodes, [external("w", "net.onnx.data", 192, 4)], 4)
    with pytest.raises(ModelError, match="outside its folder"):
        Onnx.from_argument(str(path), {})


def test_a_cache_may_keep_graph_and_weights_as_links_to_one_folder(tmp_path: Path) -> None:
    real = weighed(tmp_path / "blobs/one")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot/net.onnx").symlink_to(real)
    (tmp_path / "snapshot/net.onnx.data").symlink_to(tmp_path / "blobs/net.onnx.data")
    assert len(external_files(tmp_path / "snapshot/net.onnx")) == 1


def test_missing_weights_are_named(tmp_path: Path) -> None:
    path = weighed(tmp_path / "net.onnx")
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"net\.onnx\.data cannot be read"):
        Onnx.from_argument(str(path), {})


def test_weights_anywhere_in_a_graph_are_found(tmp_path: Path) -> None:
    """In a constant, and in the branch of a condition."""
    constant = node("Constant", [], ["c"], value=external("c", "constant.data", 1, 4))
    branch = helper.make_graph(
        [node("Identity", ["w"], ["b"])],
        "branch",
        [],
        [helper.make_tensor_value_info("b", FLOAT, [1, 4])],
        [external("w", "branch.data", 1, 4)],
    )
    choice = node("If", ["go"], ["y"], then_branch=branch, else_branch=branch)
    go = numpy_helper.from_array(np.array(True), "go")
    path = saved(tmp_path / "net.onnx", [constant, choice], [go], 4)
    assert [one.name for one in external_files(path)] == ["branch.data", "constant.data"]


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\xff" * 40, b"<net></net>", b"\x3a\x05ab", bytes(50)]
)
def test_other_files_are_no_graphs(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    assert not is_onnx(path)
    assert external_files(path) == []


def test_another_format_that_the_runtime_reads_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    """Its weights are in a file that no digest covers."""
    runtimes.openvino().save_model(
        runtimes.openvino().Core().read_model(tiny_model), tmp_path / "net.xml"
    )
    with pytest.raises(ModelError, match="not a readable ONNX graph"):
        Onnx.from_argument(str(tmp_path / "net.xml"), {})


def test_damaged_graphs_are_read_to_an_end(tiny_model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = tiny_model.read_bytes()
    for _ in range(50):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), 5):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "net.onnx").write_bytes(damaged)
        is_onnx(tmp_path / "net.onnx")
        try:
            external_files(tmp_path / "net.onnx")
        except ModelError as error:
            assert "outside its folder" in str(error)


# loops


def looping(path: Path, trips: int | str | None, nested: int = 1) -> Path:
    """A graph that adds 1 that many times: a number, from the pixels, or without a bound."""
    one = numpy_helper.from_array(np.float32(1), "one")
    step: list[Any] = [node("Add", [f"v{nested}", "one"], ["out"])]
    for level in range(nested, 0, -1):
        inner: list[tuple[Any, ...]] = [
            ("i", TensorProto.INT64, []),
            ("go", TensorProto.BOOL, []),
            ("v", FLOAT, None),
        ]
        body = helper.make_graph(
            [node("Identity", [f"go{level}"], [f"on{level}"]), *step],
            "body",
            [helper.make_tensor_value_info(f"{name}{level}", *kind) for name, *kind in inner],
            [
                helper.make_tensor_value_info(f"on{level}", TensorProto.BOOL, []),
                helper.make_tensor_value_info(step[-1].output[0], FLOAT, None),
            ],
            [one] if level == nested else [],
        )
        given = ["n" if trips is not None else "", "go", f"v{level - 1}"]
        step = [node("Loop", given, [f"out{level}"], body=body)]
    head = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["v0"])]
    weights = [numpy_helper.from_array(np.array(True), "go")]
    if trips == "pixels":
        head += [node("ReduceMax", ["x"], ["m"], keepdims=0), node("Cast", ["m"], ["n"], to=7)]
    elif trips is not None:
        weights.append(numpy_helper.from_array(np.array(trips, np.int64), "n"))
    return saved(path, [*head, *step, node("Identity", ["out1"], ["y"])], weights, 3)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("trips", [0, 5, 1000])
def test_a_loop_with_a_bound_is_run(runtime: str, trips: int, tmp_path: Path) -> None:
    path = looping(tmp_path / "loop.onnx", trips)
    raw = {"scale": 1.0, "mean": 0.0, "std": 1.0, "output": "y"}
    model = Onnx.from_argument(str(path), {"runtime": runtime, "precision": "f32", **raw})
    expected = IMAGE.reshape(-1, 3).mean(axis=0) + trips
    assert_allclose(model.encode([IMAGE])[0][0], expected, rtol=1e-4)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("trips", "nested"), [(None, 1), (2**62, 1), ("pixels", 1), (100_001, 1), (100, 3)]
)
def test_a_loop_that_might_run_for_ever_is_refused(
    runtime: str, trips: int | str | None, nested: int, tmp_path: Path
) -> None:
    path = looping(tmp_path / "loop.onnx", trips, nested)
    with pytest.raises(ModelError, match="might run for ever"):
        Onnx.from_argument(str(path), {"runtime": runtime, "output": "y"})


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_recipe_made_elsewhere_does_not_run_for_ever_either(
    runtime: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_MOST_SECONDS", 0.2)
    path = looping(tmp_path / "loop.onnx", None)
    known = Onnx(
        path=str(path), sha256=digest(path), dim=3, output="y", size=(8, 8), runtime=runtime
    )
    with pytest.raises(ModelError, match=r"might run for ever|takes more than"):
        known.encode([IMAGE])


def test_onnx_runtime_is_ended_at_its_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_MOST_SECONDS", 0.1)
    path = looping(tmp_path / "loop.onnx", None)
    spec = GraphSpec(
        str(path), "y", "NCHW", (8, 8), 1, (0, 0, 0), (1, 1, 1), "RGB", "onnxruntime", "f32"
    )
    with pytest.raises(ModelError, match=r"takes more than 0\.1 seconds"):
        OnnxRuntime(spec).run([IMAGE])


# values that are not finite


def overflowing(path: Path, factor: float) -> Path:
    nodes = [node("Flatten", ["x"], ["f"]), node("Mul", ["f", "w"], ["y"])]
    return saved(path, nodes, [numpy_helper.from_array(np.float32(factor), "w")], 192)


@pytest.mark.filterwarnings("ignore:(divide|overflow|invalid)")
@pytest.mark.parametrize(("factor", "reason"), [(3e38, "not finite"), (1e30, "too large")])
@pytest.mark.parametrize("named", [True, False])
def test_embedding_names_the_image_whose_values_cannot_be_used(
    factor: float, reason: str, named: bool, tmp_path: Path, image_file: Path
) -> None:
    path = overflowing(tmp_path / "net.onnx", factor)
    raw = {"scale": 1.0, "mean": 0.0, "std": 1.0, "precision": "f32"}
    encoder = Onnx.from_argument(str(path), raw)
    black = np.zeros((8, 8, 3), np.uint8)
    name = os.fspath(image_file) if named else "image 2"
    second: Any = image_file if named else IMAGE
    with pytest.raises(UnencodableImage, match=f"{name}: .*{reason}"):
        embed([black, second], encoder)


def test_a_text_whose_values_are_not_finite_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    class Nan:
        dim, measure = 4, "cosine"
        resize = Onnx.from_argument(str(tiny_model), {}).resize

        def encode(self, images: Any) -> Any:
            return [np.ones((1, 4), np.float32) for _ in images]

        def encode_text(self, texts: Any) -> Any:
            return [np.full((1, 4), np.nan, np.float32) for _ in texts]

    from imagefinder.encoders.inference import encode_text_one

    with pytest.raises(PluginError, match="not finite"):
        encode_text_one(Nan(), "a text")
