"""The package's own encoder, brought back from its graph into something that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imagefinder.encoders.compact import WEIGHTS, Compact
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.mobilenet import Convolution, Student

_FROZEN = 4  # of 19: edges and blobs, at half of the cost of a step

_BATCH = 64  # at 208 pixels about 2 GB


def bundled(size: int, frozen: int) -> Network:
    """Where ``size`` is 0 or ``frozen`` negative, as the package has it."""
    student = opened(WEIGHTS)
    return Network(
        list(student.parts),
        student.embed,
        dim=student.embed.out_features,
        size=size or Compact.resize.width,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        batch=_BATCH,
        frozen=frozen if frozen >= 0 else _FROZEN,
    )


@torch.no_grad()
def opened(graph: Path) -> Student:
    """The student that ``training.export`` wrote; its norms are in the convolutions already."""
    import onnx

    nodes = onnx.load(graph).graph
    weights = _weights(nodes)
    convolved = [node.input[1:] for node in nodes.node if node.op_type == "Conv"]
    (linear,) = (node.input[1:] for node in nodes.node if node.op_type == "Gemm")
    weight, bias = (weights[name] for name in linear)
    student = Student(dim=len(bias))
    layers = [layer for layer in student.modules() if isinstance(layer, Convolution)]
    for layer, names in zip(layers, convolved, strict=True):
        layer.fix(*(weights[name] for name in names))
    student.embed.weight.copy_(weight.T)
    student.embed.bias.copy_(bias)
    return student


def _weights(graph: Any) -> dict[str, Tensor]:
    """By the name that a node reads them under, which is that of a cast for 16 bits."""
    from onnx import numpy_helper

    kept = {
        one.name: torch.from_numpy(numpy_helper.to_array(one).copy()).float()
        for one in graph.initializer
    }
    casts = {
        node.output[0]: kept[node.input[0]]
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] in kept
    }
    return {**kept, **casts}
