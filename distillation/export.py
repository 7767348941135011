"""ONNX export of the student: batch norms folded in, 16-bit weights, 32-bit computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imagefinder.training.models.mobilenet import Convolution, InvertedResidual, MobileNetV2

_OPSET = 17


class _Graph:
    """Builds the nodes and weights of an ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operation: str, inputs: list[str], **attributes: Any) -> str:
        """The name of the new node's output."""
        from onnx import helper

        output = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output

    def weight(self, values: Tensor | NDArray[Any], half: bool = True) -> str:
        """A constant; stored in 16 bits and cast when the graph is loaded, if ``half``."""
        from onnx import TensorProto, numpy_helper

        array = np.asarray(values, np.float16 if half else None)
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return self.add("Cast", [name], to=TensorProto.FLOAT) if half else name

    def convolution(self, layer: Convolution, maps: str) -> str:
        """With its batch norm folded in."""
        norm = layer.norm
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        scale = norm.weight / (variance + norm.eps).sqrt()
        weight = layer.conv.weight * scale[:, None, None, None]
        bias = (norm.bias - mean * scale).numpy()
        side = layer.conv.kernel_size[0]
        before = 0 if layer.stride > 1 else side // 2
        after = side // 2
        maps = self.add(
            "Conv",
            [maps, self.weight(weight), self.weight(bias, half=False)],
            group=layer.conv.groups,
            kernel_shape=[side, side],
            strides=[layer.stride] * 2,
            pads=[before, before, after, after],
        )
        if not layer.act:
            return maps
        limits = [self.weight(np.array(limit, np.float32), half=False) for limit in (0, 6)]
        return self.add("Clip", [maps, *limits])


@torch.no_grad()
def export(student: MobileNetV2, size: int, file: Path) -> None:
    """Write ``file``.

    Input ``pixels``: (N, 3, size, size) of -1 to 1; output ``embedding``: unit rows, (N, dim).
    """
    import onnx
    from onnx import TensorProto, helper

    student = student.cpu().eval().float()
    graph = _Graph()
    maps = "pixels"
    for block in student.blocks:
        before = maps
        for layer in block.modules():
            if isinstance(layer, Convolution):
                maps = graph.convolution(layer, maps)
        if isinstance(block, InvertedResidual) and block.residual:
            maps = graph.add("Add", [before, maps])
    pooled = graph.add("Flatten", [graph.add("GlobalAveragePool", [maps])])
    embed = student.embed
    row = graph.add(
        "Gemm", [pooled, graph.weight(embed.weight.T), graph.weight(embed.bias.numpy(), half=False)]
    )
    length = graph.add("ReduceL2", [row], axes=[1], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [row, length], ["embedding"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "imagefinder",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, size, size])],
            [
                helper.make_tensor_value_info(
                    "embedding", TensorProto.FLOAT, ["N", embed.out_features]
                )
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
        producer_name="imagefinder",
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, file)
