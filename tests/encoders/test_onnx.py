"""Graphs of many forms are fed as they were trained, and alike on both runtimes."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from imagefinder.encoders.onnx import Onnx
from imagefinder.errors import MissingExtra, ModelError
from imagefinder.images.decode import decode
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.similarity import unit
from imagefinder.types import Image, Resize

RUNTIMES = ["openvino", "onnxruntime"]
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
RAW = {"scale": 1.0, "mean": 0.0, "std": 1.0}
"""Options that feed pixels as they are."""

Shape = Sequence[int | str] | None
node = helper.make_node


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def saved(
    path: Path,
    nodes: list[Any],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    weights: dict[str, NDArray[Any]] | None = None,
    kind: int = FLOAT,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def echo(folder: Path, *shape: int | str, kind: int = FLOAT) -> Path:
    """A graph whose embedding is what it was fed, so that preprocessing can be seen."""
    nodes = [
        node("Cast", ["pixels"], ["floats"], to=FLOAT),
        node("Flatten", ["floats"], ["seen"]),
    ]
    numbers = int(np.prod([size for size in shape[1:] if isinstance(size, int)]))
    path = folder / "echo.onnx"
    return saved(path, nodes, {"pixels": shape}, {"seen": ["n", numbers]}, kind=kind)


def classifier(folder: Path, features: str = "features") -> Path:
    """A graph that gives a classifier's output only; the features lie inside."""
    rng = np.random.default_rng(1)
    weights = {
        "kernels": rng.normal(size=(6, 3, 3, 3)).astype(np.float32),
        "classes": rng.normal(size=(6, 1000)).astype(np.float32),
    }
    nodes = [
        node("Conv", ["pixels", "kernels"], ["maps"]),
        node("GlobalAveragePool", ["maps"], ["pooled"]),
        node("Flatten", ["pooled"], [features]),
        node("MatMul", [features, "classes"], ["logits"]),
    ]
    shape: Shape = ["n", 3, 8, 8]
    return saved(
        folder / "classifier.onnx", nodes, {"pixels": shape}, {"logits": ["n", 1000]}, weights
    )


def opened(path: Path, **options: Any) -> Onnx:
    return Onnx.from_argument(str(path), {"precision": "f32", **options})


def noise(width: int, height: int, count: int = 1, seed: int = 0) -> list[Image]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8))


def rows(model: Onnx, images: list[Image]) -> NDArray[np.float32]:
    features = model.encode(images)
    assert [one.shape for one in features] == [(1, model.dim)] * len(images)
    return np.vstack(features)


def cosines(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((unit(one) * unit(other)).sum(axis=1))


# what is fed


def test_pixels_are_scaled_shifted_and_divided(runtime: str, tmp_path: Path) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 2.0, 4.0)
    model = opened(
        echo(tmp_path, "n", 3, 4, 5), runtime=runtime, scale=0.01, mean=list(mean), std=list(std)
    )
    (image,) = noise(5, 4)
    fed = (image.astype(float) * 0.01 - mean) / std
    assert_allclose(rows(model, [image])[0], fed.transpose(2, 0, 1).ravel(), atol=1e-5)


def test_the_defaults_are_those_of_imagenet(runtime: str, tmp_path: Path) -> None:
    model = opened(echo(tmp_path, "n", 3, 4, 5), runtime=runtime)
    (image,) = noise(5, 4)
    fed = (image / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert_allclose(rows(model, [image])[0], fed.transpose(2, 0, 1).ravel(), atol=1e-4)


def test_bgr_turns_the_channels_round_and_the_mean_is_in_the_models_order(
    runtime: str, tmp_path: Path
) -> None:
    mean = [103.94, 116.78, 123.68]
    path = echo(tmp_path, "n", 3, 4, 5)
    model = opened(path, runtime=runtime, **{**RAW, "mean": mean}, channels="BGR")
    (image,) = noise(5, 4)
    fed = image[..., ::-1] - np.array(mean)
    assert_allclose(rows(model, [image])[0], fed.transpose(2, 0, 1).ravel(), atol=1e-3)


@pytest.mark.parametrize("shape", [("n", 4, 5, 3), ("n", "h", "w", 3), (1, 4, 5, 3)])
def test_channels_may_come_last(shape: tuple[int | str, ...], runtime: str, tmp_path: Path) -> None:
    nodes = [
        node("ReduceSum", ["pixels", "axis"], ["lines"], keepdims=0),
        node("Flatten", ["lines"], ["seen"]),
    ]
    path = saved(
        tmp_path / "last.onnx",
        nodes,
        {"pixels": shape},
        {"seen": ["n", 15]},
        {"axis": np.array([1])},
    )
    model = opened(path, runtime=runtime, size=[5, 4], **RAW)
    assert model.layout == "NHWC"
    images = noise(5, 4, 2)
    wanted = [image.astype(float).sum(axis=0).ravel() for image in images]
    assert_allclose(rows(model, images), wanted, rtol=1e-6)


def test_graphs_that_take_bytes_are_fed_the_pixels_as_they_are(
    runtime: str, tmp_path: Path
) -> None:
    model = opened(echo(tmp_path, "n", 4, 5, 3, kind=TensorProto.UINT8), runtime=runtime)
    (image,) = noise(5, 4)
    assert_allclose(rows(model, [image])[0], image.ravel())


def test_half_precision_graphs_are_fed_half_precision(runtime: str, tmp_path: Path) -> None:
    model = opened(echo(tmp_path, "n", 3, 4, 5, kind=HALF), runtime=runtime)
    (image,) = noise(5, 4)
    fed = (image / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert_allclose(rows(model, [image])[0], fed.transpose(2, 0, 1).ravel(), atol=4e-3)


def test_a_graph_of_single_images_takes_any_number(runtime: str, tmp_path: Path) -> None:
    model = opened(echo(tmp_path, 1, 3, 4, 5), runtime=runtime, **RAW)
    images = noise(5, 4, 5)
    wanted = [image.transpose(2, 0, 1).ravel() for image in images]
    assert_allclose(rows(model, images), wanted, atol=1e-4)


def test_the_size_is_the_graphs_own(tmp_path: Path) -> None:
    model = opened(echo(tmp_path, "n", 3, 4, 5))
    assert model.size == (5, 4)
    assert model.resize == Resize(5, 4)


@pytest.mark.parametrize(("option", "size"), [(6, (6, 6)), ([8, 4], (8, 4)), (None, (224, 224))])
def test_a_free_size_is_as_the_option_says_or_224(
    option: Any, size: tuple[int, int], runtime: str, tmp_path: Path
) -> None:
    path = saved(
        tmp_path / "free.onnx",
        [node("GlobalMaxPool", ["pixels"], ["most"])],
        {"pixels": ["n", 3, "h", "w"]},
        {"most": ["n", 3, 1, 1]},
    )
    model = opened(path, runtime=runtime, **RAW, **({"size": option} if option else {}))
    assert model.size == size
    (image,) = noise(*size)
    assert_allclose(rows(model, [image])[0], image.max(axis=(0, 1)), atol=1e-4)


def test_the_fit_is_as_the_options_say(tmp_path: Path) -> None:
    path = echo(tmp_path, "n", 3, 4, 5)
    model = opened(path, resize="crop", keep=0.875, filter="bicubic")
    assert model.resize == Resize(5, 4, "crop", 0.875, "bicubic")


# what is taken


def test_maps_are_averaged_over_their_places(runtime: str, tmp_path: Path) -> None:
    path = saved(
        tmp_path / "maps.onnx",
        [node("Relu", ["pixels"], ["maps"])],
        {"pixels": ["n", 3, 4, 5]},
        {"maps": ["n", 3, 4, 5]},
    )
    images = noise(5, 4, 3)
    model = opened(path, runtime=runtime, **RAW)
    assert_allclose(rows(model, images), [image.mean(axis=(0, 1)) for image in images], rtol=1e-5)


@pytest.mark.parametrize("pool", ["mean", "first"])
def test_tokens_are_averaged_or_the_first_is_taken(pool: str, runtime: str, tmp_path: Path) -> None:
    path = saved(
        tmp_path / "tokens.onnx",
        [node("Reshape", ["pixels", "shape"], ["tokens"])],
        {"pixels": ["n", 3, 4, 5]},
        {"tokens": ["n", 3, 20]},
        {"shape": np.array([0, 3, 20])},
    )
    images = noise(5, 4, 2)
    tokens = np.array([image.transpose(2, 0, 1).reshape(3, 20) for image in images], float)
    model = opened(path, runtime=runtime, pool=pool, **RAW)
    wanted = tokens[:, 0] if pool == "first" else tokens.mean(axis=1)
    assert_allclose(rows(model, images), wanted, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, "n"])
def test_an_output_squeezed_to_its_numbers_alone_is_one_row_an_image(
    batch: int | str, runtime: str, tmp_path: Path
) -> None:
    nodes = [
        node("GlobalMaxPool", ["pixels"], ["pooled"]),
        node("Squeeze", ["pooled"], ["most"]),  # of every axis that is 1, the batch's too
    ]
    output: Shape = [3] if batch == 1 else None
    shape: Shape = [batch, 3, 4, 5]
    path = saved(tmp_path / "squeezed.onnx", nodes, {"pixels": shape}, {"most": output})
    images = noise(5, 4, 3)
    model = opened(path, runtime=runtime, **RAW)
    assert_allclose(rows(model, images), [image.max(axis=(0, 1)) for image in images], atol=1e-4)
    assert_allclose(rows(model, images[:1])[0], images[0].max(axis=(0, 1)), atol=1e-4)


def test_the_output_that_is_no_classifiers_is_taken(tmp_path: Path) -> None:
    nodes = [
        node("Flatten", ["pixels"], ["embedding"]),
        node("Softmax", ["embedding"], ["best"]),
    ]
    outputs: dict[str, Shape] = {"best": ["n", 60], "embedding": ["n", 60]}
    path = saved(tmp_path / "both.onnx", nodes, {"pixels": ["n", 3, 4, 5]}, outputs)
    assert opened(path).output == "embedding"
    assert opened(path, output="best").output == "best"


def test_where_there_are_two_embeddings_one_must_be_named(tmp_path: Path) -> None:
    nodes = [node("Flatten", ["pixels"], ["one"]), node("Neg", ["one"], ["two"])]
    outputs: dict[str, Shape] = {"one": ["n", 60], "two": ["n", 60]}
    path = saved(tmp_path / "two.onnx", nodes, {"pixels": ["n", 3, 4, 5]}, outputs)
    with pytest.raises(ModelError, match=r"more than one output.*one.*two"):
        opened(path)
    assert opened(path, output="two").output == "two"


def test_a_classifier_alone_is_answered_with_the_tensors_inside(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="only a classifier output") as raised:
        opened(classifier(tmp_path))
    message = str(raised.value)
    assert "--option output=NAME" in message
    assert "classifier.toml" in message
    assert "features (? × 6)" in message
    assert "maps (? × 6 × 6 × 6)" in message
    assert "\n" not in message


@pytest.mark.parametrize("inner", ["features", "/classifier/classifier.4/Relu_output_0"])
def test_a_tensor_inside_can_be_named_whatever_its_name(inner: str, tmp_path: Path) -> None:
    path = classifier(tmp_path, inner)
    one, other = (opened(path, output=inner, runtime=runtime) for runtime in RUNTIMES)
    assert one.dim == other.dim == 6
    images = noise(8, 8, 4)
    assert_allclose(rows(one, images), rows(other, images), rtol=1e-4, atol=1e-5)


def test_a_classifiers_penultimate_tensor_needs_no_name(runtime: str, tmp_path: Path) -> None:
    path = classifier(tmp_path, "/a/name/that/nobody/knows")
    model = opened(path, output="penultimate", runtime=runtime)
    assert (model.output, model.dim) == ("/a/name/that/nobody/knows", 6)
    named = opened(path, output="/a/name/that/nobody/knows", runtime=runtime)
    images = noise(8, 8, 3)
    assert_array_equal(rows(model, images), rows(named, images))


def test_the_last_tokens_need_no_name_either(runtime: str, tmp_path: Path) -> None:
    nodes = [
        node("Reshape", ["pixels", "shape"], ["tokens of this graph"]),
        node("ReduceMean", ["tokens of this graph"], ["pooled"], axes=[1], keepdims=0),
        node("MatMul", ["pooled", "classes"], ["logits"]),
    ]
    weights = {"shape": np.array([0, 3, 20]), "classes": np.ones((20, 1000), np.float32)}
    shape: Shape = ["n", 3, 4, 5]
    path = saved(
        tmp_path / "tokens.onnx", nodes, {"pixels": shape}, {"logits": ["n", 1000]}, weights
    )
    model = opened(path, output="tokens", runtime=runtime, **RAW)
    (image,) = noise(5, 4)
    assert model.output == "tokens of this graph"
    wanted = image.transpose(2, 0, 1).reshape(1, 3, 20)
    assert_allclose(model.tensors([image]), wanted, atol=1e-4)


def test_maps_inside_are_averaged_to_the_features_that_the_graph_pools(
    runtime: str, tmp_path: Path
) -> None:
    path = classifier(tmp_path)
    maps = opened(path, output="maps", runtime=runtime)
    features = opened(path, output="features", runtime=runtime)
    images = noise(8, 8, 3)
    assert_allclose(rows(maps, images), rows(features, images), rtol=1e-4, atol=1e-5)


def test_a_tensor_is_known_by_its_own_name_before_an_operations(
    runtime: str, tmp_path: Path
) -> None:
    nodes = [
        node("Neg", ["pixels"], ["less"], name="most"),
        node("GlobalMaxPool", ["pixels"], ["most"], name="pool"),
        node("Add", ["less", "most"], ["logits"]),
    ]
    shape: Shape = ["n", 3, 4, 5]
    path = saved(tmp_path / "names.onnx", nodes, {"pixels": shape}, {"logits": shape})
    (image,) = noise(5, 4)
    model = opened(path, output="most", runtime=runtime, **RAW)
    assert_allclose(rows(model, [image])[0], image.max(axis=(0, 1)), atol=1e-4)


def test_normalize_gives_rows_of_unit_length(runtime: str, tiny_model: Path) -> None:
    raw, normal = (opened(tiny_model, runtime=runtime, normalize=how) for how in (False, True))
    images = noise(32, 32, 3)
    assert_allclose(rows(normal, images), unit(rows(raw, images)), rtol=1e-6)


# what is set where


def test_settings_are_read_from_the_toml_beside_the_graph(tmp_path: Path) -> None:
    path = classifier(tmp_path)
    path.with_suffix(".toml").write_text('output = "features"\nmean = 0.5\nchannels = "BGR"\n')
    model = opened(path)
    assert (model.output, model.mean, model.channels) == ("features", (0.5, 0.5, 0.5), "BGR")


def test_options_go_before_the_toml(tmp_path: Path) -> None:
    path = classifier(tmp_path)
    path.with_suffix(".toml").write_text('output = "features"\nmean = 0.5\nstd = 0.25\n')
    model = opened(path, mean=[0.1, 0.2, 0.3], output="maps")
    assert (model.output, model.mean, model.std) == ("maps", (0.1, 0.2, 0.3), (0.25, 0.25, 0.25))


@pytest.mark.parametrize("content", [b"mean = ", b"\xff\xfe", b"[mean"])
def test_a_toml_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    path = echo(tmp_path, "n", 3, 4, 5)
    path.with_suffix(".toml").write_bytes(content)
    with pytest.raises(ModelError, match=r"echo\.toml cannot be read"):
        opened(path)


def test_a_setting_that_there_is_not_is_answered_with_those_there_are(tmp_path: Path) -> None:
    path = echo(tmp_path, "n", 3, 4, 5)
    with pytest.raises(ModelError, match="has no option averages; its options: size, resize"):
        opened(path, averages=3)
    path.with_suffix(".toml").write_text("averages = 3")
    with pytest.raises(ModelError, match="has no option averages"):
        opened(path)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("size", "big"),
        ("size", [4]),
        ("size", 4.5),
        ("mean", "dark"),
        ("mean", [1, 2]),
        ("std", 0),
        ("std", [0.2, -1, 0.2]),
        ("scale", 0),
        ("scale", "much"),
        ("keep", 0),
        ("keep", 1.5),
        ("measure", "hamming"),
        ("measure", "euclid"),
        ("channels", "bgr"),
        ("pool", "cls"),
        ("resize", "fit"),
        ("filter", "nearest"),
        ("runtime", "ort"),
        ("precision", "fp32"),
        ("normalize", "no"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(option: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=option) as raised:
        opened(echo(tmp_path, "n", 3, 4, 5), **{option: value})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("size", [0, 6, [4, 5]])
def test_a_size_that_is_not_the_graphs_is_refused(size: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"echo\.onnx takes images of \(5, 4\), not of"):
        opened(echo(tmp_path, "n", 3, 4, 5), size=size)


def test_a_tensor_that_there_is_not_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no tensor 'seem'; for example seen"):
        opened(echo(tmp_path, "n", 3, 4, 5), output="seem")


# what cannot be used


def test_a_graph_with_two_inputs_is_refused(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "two.onnx",
        [node("Add", ["a", "b"], ["sum"])],
        {"a": ["n", 3, 4, 5], "b": ["n", 3, 4, 5]},
        {"sum": ["n", 3, 4, 5]},
    )
    with pytest.raises(ModelError, match=r"two\.onnx has 2 inputs"):
        opened(path)


@pytest.mark.parametrize("shape", [("n", 1, 4, 5), ("n", 3, 4), ("n", 60), ("n", 4, 5, 1)])
def test_a_graph_that_takes_no_colour_images_is_refused(
    shape: tuple[int | str, ...], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="not batches of three-channel images"):
        opened(echo(tmp_path, *shape))


@pytest.mark.parametrize("content", [b"", b"not a graph", bytes(range(256)) * 20])
def test_a_file_that_is_no_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"no\.onnx is not a readable ONNX graph"):
        opened(tmp_path / "no.onnx")


def test_a_truncated_graph_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    content = tiny_model.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"cut\.onnx"):
        opened(tmp_path / "cut.onnx")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx cannot be read"):
        opened(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        opened(tmp_path)


def test_a_graph_for_batches_of_four_gives_rows_or_a_model_error(
    runtime: str, tmp_path: Path
) -> None:
    model = opened(echo(tmp_path, 4, 3, 4, 5), runtime=runtime, **RAW)
    (image,) = noise(5, 4)
    try:
        found = rows(model, [image])
    except ModelError as error:
        assert "cannot be run" in str(error)
    else:
        assert_allclose(found[0], image.transpose(2, 0, 1).ravel(), atol=1e-4)


def test_a_file_that_changed_since_the_recipe_was_made_is_refused(
    runtime: str, tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_model.read_bytes())
    recipe = recipe_of(opened(path, runtime=runtime))
    images = noise(32, 32)
    encoder_from(recipe).encode(images)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="has changed since"):
        encoder_from(recipe).encode(images)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        encoder_from(recipe).encode(images)


def test_without_onnx_runtime_the_message_says_what_to_install(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    opened(tiny_model, runtime="auto").encode(noise(32, 32))
    with pytest.raises(MissingExtra, match=r"pip install 'imagefinder\[onnxruntime\]'"):
        opened(tiny_model, runtime="onnxruntime").encode(noise(32, 32))


# how it runs


def test_both_runtimes_give_the_same(tiny_model: Path) -> None:
    images = noise(32, 32, 20)
    one, other = (rows(opened(tiny_model, runtime=runtime), images) for runtime in RUNTIMES)
    assert cosines(one, other).min() >= 0.9999
    assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_an_embedding_does_not_depend_on_its_batch(runtime: str, tiny_model: Path) -> None:
    model = opened(tiny_model, runtime=runtime)
    images = noise(32, 32, 30)
    together = rows(model, images)
    assert_allclose(together, np.vstack([rows(model, [image]) for image in images]), atol=1e-6)
    assert_allclose(together[::-1], rows(model, images[::-1]), atol=1e-6)


def test_several_threads_at_once_get_what_one_gets(runtime: str, tiny_model: Path) -> None:
    model = opened(tiny_model, runtime=runtime)
    batches = [noise(32, 32, count, seed=count) for count in range(1, 25)]
    with ThreadPoolExecutor(6) as threads:
        at_once = list(threads.map(lambda batch: rows(model, batch), batches))
    for batch, found in zip(batches, at_once, strict=True):
        assert_array_equal(found, rows(model, batch))


def test_openvino_never_loads_its_telemetry(tiny_model: Path) -> None:
    program = (
        "import sys, numpy as np\n"
        "from imagefinder.registry.factory import make_encoder\n"
        "encoder = make_encoder(f'onnx:{sys.argv[1]}', {'runtime': 'openvino'})\n"
        "encoder.encode([np.zeros((32, 32, 3), np.uint8)])\n"
        "print(sys.modules.get('openvino_telemetry'))\n"
    )
    command = [sys.executable, "-c", program, str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]


# real models, on real images


def photographs(assets: Path) -> list[Path]:
    return sorted((assets / "data/grocery/test").rglob("*.jpg"))


def mobilenet(assets: Path) -> Onnx:
    return opened(assets / "models/mobilenet_v2_qat.onnx", mean=0.5, std=0.5)


def embedded(model: Onnx, paths: list[Path]) -> NDArray[np.float32]:
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        images = list(threads.map(lambda path: decode(path, model.resize).pixels, paths))
    return rows(model, images)


def fed_by_hand(path: Path) -> NDArray[np.float32]:
    """A photograph as its model's makers say to feed it: 224 × 224, x / 127.5 - 1."""
    with PIL.Image.open(path) as image:
        small = image.convert("RGB").resize((224, 224), PIL.Image.Resampling.BILINEAR)
    return (np.asarray(small, np.float32) / 127.5 - 1).transpose(2, 0, 1)


def test_a_real_model_gives_what_onnx_runtime_and_pillow_alone_give(assets: Path) -> None:
    paths = photographs(assets)[::62][:40]
    assert len(paths) == 40
    session = onnxruntime.InferenceSession(assets / "models/mobilenet_v2_qat.onnx")
    wanted = session.run(["embedding"], {"input": np.stack([fed_by_hand(path) for path in paths])})
    assert cosines(embedded(mobilenet(assets), paths), wanted[0]).min() >= 0.999


def test_a_stock_classifier_works_once_its_tensor_is_named(assets: Path) -> None:
    path = assets / "models/squeezenet_fp16_batch1.onnx"
    options = {"scale": 1.0, "mean": [104.0, 117.0, 123.0], "std": 1.0, "channels": "BGR"}
    with pytest.raises(ModelError, match="fire9/concat_2"):
        opened(path, **options)
    paths = photographs(assets)[::300]
    one, other = (
        embedded(opened(path, output="fire9/concat_2", runtime=runtime, **options), paths)
        for runtime in RUNTIMES
    )
    assert one.shape == (len(paths), 512)
    assert cosines(one, other).min() >= 0.999  # sixteen bits inside


@pytest.mark.slow
def test_nearly_every_photograph_finds_its_own_class_first(assets: Path) -> None:
    paths = photographs(assets)
    embeddings = unit(embedded(mobilenet(assets), paths))
    likeness = embeddings @ embeddings.T
    np.fill_diagonal(likeness, -1)
    classes = np.array([str(path.parent) for path in paths])
    assert (classes[likeness.argmax(axis=1)] == classes).mean() >= 0.94
