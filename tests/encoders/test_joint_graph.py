"""A graph that takes images and text gives the embedding of either, as two graphs would."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, helper, numpy_helper

from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.runtimes import onnx_part, openvino, part_of, read_model
from imagefinder.encoders.text_encoder import check_text
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import ModelFile, TextModel

from ..conftest import drawn

node = helper.make_node
_RNG = np.random.default_rng(5)
KERNELS = _RNG.normal(size=(6, 3, 3, 3)).astype(np.float32)
WORDS = _RNG.normal(size=(20, 6)).astype(np.float32)
TOKENS = np.array([[3, 1, 7, 7, 0]])


@pytest.fixture
def joint(tmp_path: Path) -> Path:
    """Its first output needs both; the embeddings need one each."""
    image = [
        node("Conv", ["pixel_values", "kernels"], ["maps"]),
        node("GlobalAveragePool", ["maps"], ["pooled"]),
        node("Flatten", ["pooled"], ["image_embeds"]),
    ]
    text = [
        node("Gather", ["words", "input_ids"], ["vectors"]),
        node("ReduceMean", ["vectors"], ["text_embeds"], axes=[1], keepdims=0),
    ]
    both = [
        node("Transpose", ["text_embeds"], ["turned"]),
        node("MatMul", ["image_embeds", "turned"], ["agreement"]),
    ]
    shapes: dict[str, tuple[int, list[Any]]] = {
        "input_ids": (TensorProto.INT64, ["n", 5]),
        "pixel_values": (TensorProto.FLOAT, ["n", 3, 8, 8]),
        "agreement": (TensorProto.FLOAT, ["n", "n"]),
        "image_embeds": (TensorProto.FLOAT, ["n", 6]),
        "text_embeds": (TensorProto.FLOAT, ["n", 6]),
    }
    values = [helper.make_tensor_value_info(name, *what) for name, what in shapes.items()]
    weights = [numpy_helper.from_array(KERNELS, "kernels"), numpy_helper.from_array(WORDS, "words")]
    graph = helper.make_graph([*image, *text, *both], "joint", values[:2], values[2:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "joint.onnx")
    return tmp_path / "joint.onnx"


@pytest.mark.parametrize("output", [{}, {"output": "image_embeds"}, {"output": "pooled"}])
def test_both_runtimes_embed_an_image_without_text(joint: Path, output: dict[str, str]) -> None:
    image = drawn(1, 8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(image.transpose(2, 0, 1), (3, 3), (1, 2))
    expected = np.einsum("cyxij,kcij->kyx", windows.astype(float), KERNELS).mean(axis=(1, 2))
    for runtime in ("openvino", "onnxruntime"):
        settings = {"scale": 1, "mean": 0, "std": 1, "precision": "f32", **output}
        encoder = Onnx.from_argument(str(joint), {"runtime": runtime, **settings})
        assert encoder.output in ("image_embeds", "pooled")
        assert_allclose(encoder.encode([image])[0], expected[None], rtol=1e-3)


def test_both_runtimes_embed_text_without_an_image(joint: Path) -> None:
    import onnxruntime

    text = TextModel(ModelFile("joint.onnx"), ModelFile("tokenizer.json"), "text_embeds", 5, "!")
    check_text(joint, text)
    expected = WORDS[TOKENS].mean(axis=1)
    request = (
        openvino()
        .Core()
        .compile_model(
            part_of(read_model(joint), "text_embeds"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
    )
    assert_allclose(request({"input_ids": TOKENS})[0], expected, rtol=1e-4)
    session = onnxruntime.InferenceSession(onnx_part(str(joint), "text_embeds"))
    assert [one.name for one in session.get_inputs()] == ["input_ids"]
    assert_allclose(session.run(["text_embeds"], {"input_ids": TOKENS})[0], expected, rtol=1e-4)


def test_what_needs_text_as_well_is_no_embedding_of_an_image(joint: Path) -> None:
    with pytest.raises(ModelError, match="has no tensor 'agreement'"):
        Onnx.from_argument(str(joint), {"output": "agreement"})


def test_a_part_that_is_the_whole_is_the_file_itself(tiny_model: Path) -> None:
    name = onnx.load(tiny_model).graph.output[0].name
    assert onnx_part(str(tiny_model), name) == str(tiny_model)
