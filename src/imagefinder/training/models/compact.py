"""The base model ``compact``: its ONNX graph loaded into a network that can be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imagefinder.encoders.compact import WEIGHTS, Compact
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.mobilenet import Convolution, MobileNetV2

_FROZEN = 4  # of 19 blocks: edges and blobs, at half of the cost of a step
_BATCH = 64  # takes about 2 GB at 208 pixels


def compact_network(size: int | None = None, frozen: int | None = None) -> Network:
    """With the input size and the frozen blocks that suit it, where they are None."""
    model = load(WEIGHTS)
    return Network(
        list(model.blocks),
        model.embed,
        dim=model.embed.out_features,
        size=size or Compact.resize.width,
        normalization=((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        batch=_BATCH,
        frozen=_FROZEN if frozen is None else frozen,
    )


@torch.no_grad()
def load(graph: Path) -> MobileNetV2:
    """From a graph that ``distillation`` exported; its batch norms are folded in already."""
    import onnx

    nodes = onnx.load(graph).graph
    weights = _weights(nodes)
    convolved = [node.input[1:] for node in nodes.node if node.op_type == "Conv"]
    (linear,) = (node.input[1:] for node in nodes.node if node.op_type == "Gemm")
    weight, bias = (weights[name] for name in linear)
    model = MobileNetV2(dim=len(bias))
    layers = [layer for layer in model.modules() if isinstance(layer, Convolution)]
    for layer, names in zip(layers, convolved, strict=True):
        layer.set_folded(*(weights[name] for name in names))
    model.embed.weight.copy_(weight.T)
    model.embed.bias.copy_(bias)
    return model


def _weights(graph: Any) -> dict[str, Tensor]:
    """By the names that nodes read; weights in 16 bits are read through a cast."""
    from onnx import numpy_helper

    constants = {
        one.name: torch.from_numpy(numpy_helper.to_array(one).copy()).float()
        for one in graph.initializer
    }
    casts = {
        node.output[0]: constants[node.input[0]]
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] in constants
    }
    return {**constants, **casts}
