"""Graphs that we write are those that the package onnx reads."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from imagefinder.encoders.onnx_writer import GraphWriter


def written(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    graph = GraphWriter("scaled")
    factor = graph.constant("factor", values)
    product = graph.operation("Mul", ("x", factor), "product")
    graph.operation("Flatten", (product,), "y", axis=1)
    return graph.model(("x", values.shape), ("y", (values.size,)))


def test_a_graph_is_valid_and_runs() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    content = written(values)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": np.full((4, 2, 3), 2, np.float32)})
    assert result.tolist() == [[0, 2, 4, 6, 8, 10]] * 4


def test_names_sizes_and_attributes_are_written() -> None:
    graph = GraphWriter("one")
    graph.operation("Conv", ("x", "w"), "y", strides=(2, 300), group=200, auto_pad="SAME_UPPER")
    model = onnx.load_from_string(graph.model(("x", (3, 1000, 70000)), ("y", (1 << 40,))))
    (node,) = model.graph.node
    given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    assert given == {"strides": [2, 300], "group": 200, "auto_pad": b"SAME_UPPER"}
    shape = model.graph.input[0].type.tensor_type.shape
    assert [one.dim_param or one.dim_value for one in shape.dim] == ["n", 3, 1000, 70000]
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 1 << 40
    assert (model.graph.name, model.opset_import[0].version, model.ir_version) == ("one", 13, 8)


@given(st.lists(st.integers(0, 5), max_size=4), st.text(max_size=200))
def test_constants_come_back_bit_for_bit(shape: list[int], name: str) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    graph = GraphWriter("constants")
    assert graph.constant(name, values.T) == name
    (constant,) = onnx.load_from_string(graph.model(("x", ()), ("y", ()))).graph.initializer
    assert constant.name == name
    assert numpy_helper.to_array(constant).tobytes() == values.T.tobytes()


@pytest.mark.parametrize("kind", [np.float64, np.float16, ">f4"])
def test_constants_of_other_types_become_float32(kind: str) -> None:
    graph = GraphWriter("constants")
    graph.constant("half", np.array([0.5, 3], kind))
    (constant,) = onnx.load_from_string(graph.model(("x", ()), ("y", ()))).graph.initializer
    assert numpy_helper.to_array(constant).tolist() == [0.5, 3]
