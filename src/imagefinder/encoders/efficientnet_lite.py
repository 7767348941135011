"""EfficientNet-Lite 0, 1 and 2: their layers, as an ONNX graph with the weights of a state dict.

Tan and Le, "EfficientNet" (arXiv 1905.11946), in the Lite variants of Liu
(tensorflow/tpu, models/official/efficientnet/lite): no squeeze-and-excitation, ReLU6 in place of
swish, and a stem and head of the same width in all. Padding is TensorFlow's "same".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagefinder.encoders.onnx_writer import GraphWriter
from imagefinder.encoders.torch_files.state_dict import StateDict

DIM = 1280
OUTPUT = "embedding"
_STEM = 32
_EPSILON = 1e-3  # of batch normalization
_CLASSIFIER = ("_fc.weight", "_fc.bias")
_COUNTER = ".num_batches_tracked"


@dataclass(frozen=True)
class Variant:
    """By how much the base network is scaled, and the size of its images."""

    width: float
    depth: float
    size: int


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, 224),
    "efficientnet_lite1": Variant(1.0, 1.1, 240),
    "efficientnet_lite2": Variant(1.1, 1.2, 260),
}


@dataclass(frozen=True)
class _Block:
    """An inverted residual: expanded by 1 × 1, filtered by channel, projected by 1 × 1."""

    channels_in: int
    channels: int
    kernel: int
    stride: int
    expansion: int


# of the base network: repeats, kernel, stride of the first block, expansion, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build(variant: Variant, weights: StateDict) -> bytes:
    """An ONNX graph from ``pixels`` to ``OUTPUT``, the mean of the last feature map.

    Raises ValueError if the weights are not those of this network.
    """
    network = _Network(weights)
    blocks = _blocks(variant)
    x = network.convolve("pixels", "_conv_stem", "_bn0", (_STEM, 3, 3, 3), stride=2)
    x = network.relu6(x)
    for position, block in enumerate(blocks):
        x = network.block(x, f"_blocks.{position}", block)
    x = network.convolve(x, "_conv_head", "_bn1", (DIM, blocks[-1].channels, 1, 1))
    x = network.relu6(x)
    network.check_all_used()
    return network.pooled(x, variant.size)


def _blocks(variant: Variant) -> list[_Block]:
    blocks = []
    channels_in = _STEM
    for place, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        is_scaled = 0 < place < len(_STAGES) - 1  # the first and the last stage are not repeated
        channels = _scaled(channels, variant.width)
        for repeat in range(math.ceil(repeats * variant.depth) if is_scaled else repeats):
            step = 1 if repeat else stride
            blocks.append(_Block(channels_in, channels, kernel, step, expansion))
            channels_in = channels
    return blocks


def _scaled(channels: int, width: float) -> int:
    """A multiple of 8, not more than a tenth smaller than asked."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class _Network:
    """Layers, in the order in which they run, with weights that are checked and used once."""

    def __init__(self, weights: StateDict) -> None:
        self._weights = weights
        self._used = {*_CLASSIFIER}
        self._graph = GraphWriter("efficientnet_lite")
        self._limits = tuple(
            self._graph.constant(name, np.array(value)) for name, value in (("0", 0), ("6", 6))
        )

    def block(self, x: str, name: str, block: _Block) -> str:
        """An inverted residual; with its input added where the shapes agree."""
        wide = block.channels_in * block.expansion
        y = x
        if block.expansion > 1:
            shape = (wide, block.channels_in, 1, 1)
            y = self.relu6(self.convolve(y, f"{name}._expand_conv", f"{name}._bn0", shape))
        shape = (wide, 1, block.kernel, block.kernel)
        y = self.convolve(
            y, f"{name}._depthwise_conv", f"{name}._bn1", shape, stride=block.stride, group=wide
        )
        shape = (block.channels, wide, 1, 1)
        y = self.convolve(self.relu6(y), f"{name}._project_conv", f"{name}._bn2", shape)
        if block.stride > 1 or block.channels_in != block.channels:
            return y
        return self._graph.operation("Add", (y, x), f"{name}.sum")

    def convolve(
        self,
        x: str,
        name: str,
        norm: str,
        shape: tuple[int, ...],
        *,
        stride: int = 1,
        group: int = 1,
    ) -> str:
        """A convolution and its batch normalization, as one convolution."""
        kernel, bias = self._folded(name, norm, shape)
        inputs = (
            x,
            self._graph.constant(f"{name}.weight", kernel),
            self._graph.constant(f"{name}.bias", bias),
        )
        return self._graph.operation(
            "Conv",
            inputs,
            name,
            kernel_shape=shape[2:],
            strides=(stride, stride),
            group=group,
            auto_pad="SAME_UPPER",
        )

    def relu6(self, x: str) -> str:
        """The activation."""
        return self._graph.operation("Clip", (x, *self._limits), f"{x}.relu6")

    def pooled(self, x: str, size: int) -> bytes:
        """The file that ends with the mean of a feature map."""
        mean = self._graph.operation("GlobalAveragePool", (x,), "mean")
        self._graph.operation("Flatten", (mean,), OUTPUT, axis=1)
        return self._graph.model(("pixels", (3, size, size)), (OUTPUT, (DIM,)))

    def check_all_used(self) -> None:
        """Raises ValueError if there are weights of layers that this network does not have."""
        left = [name for name in self._weights if name not in self._used]
        others = [name for name in left if not name.endswith(_COUNTER)]
        if others:
            raise ValueError(f"{others[0]!r} has no place in an EfficientNet-Lite")

    def _folded(
        self, name: str, norm: str, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The kernel and the bias that include the normalization."""
        kernel = self._take(f"{name}.weight", shape)
        scale, shift, mean, variance = (
            self._take(f"{norm}.{part}", shape[:1])
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _EPSILON)
        return kernel * factor[:, None, None, None], shift - mean * factor

    def _take(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        found = self._weights.get(name)
        if found is None or found.shape != shape or found.dtype != np.float32:
            raise ValueError(f"it has no {name!r} of {' × '.join(map(str, shape))} float32")
        self._used.add(name)
        return found.astype(np.float64)
