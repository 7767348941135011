"""Eight bits: the pointwise convolutions of a graph computed with integers.

They take most of the time of a MobileNet. Their inputs get 8 bits over the range that was measured
for them; weights get 7, each output channel with its own scale. Everything else stays as it is:
depthwise convolutions are hardly faster, and lose most. What rounding the weights adds on average,
given the mean of each input channel, is subtracted again: without that, the mean of all embeddings
moves (bias correction, Nagel et al., arXiv 1906.04721).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import ModelError

Values = NDArray[np.float32]

NOT_MEASURED: Final = (
    "precision=i8 is for compact, standard, large and EfficientNet-Lite, whose activations were "
    "measured; for others, choose auto, f32 or bf16"
)
FOLDER = Path(__file__).parent / "weights" / "activations"
_REVISION = 1  # raised when graphs are quantized in another way
_LEVELS = 256  # of an input
# without VNNI, products of two neighbors are added in 16 bits: 2 · 255 · 63 still fits
_LARGEST = 63
_INT8 = 127


@dataclass(frozen=True, eq=False)
class Activations:
    """What goes into pointwise convolutions of a network, by the name of the operation.

    Measured by ``python -m distillation.activations``.
    """

    source: str
    """The SHA-256 of the graph."""
    ranges: dict[str, tuple[float, float]]
    """The least and the largest input."""
    means: dict[str, Values]
    """``(channels,)``: the mean input."""

    def to_bytes(self) -> bytes:
        """As a ``.npz`` file."""
        arrays: dict[str, Any] = {
            "source": np.array(self.source),
            "names": np.array(list(self.ranges)),
            "ranges": np.array(list(self.ranges.values()), np.float32),
            "channels": np.array([len(mean) for mean in self.means.values()], np.int32),
            "means": np.concatenate(list(self.means.values())).astype(np.float16),
        }
        with BytesIO() as file:
            np.savez_compressed(file, **arrays)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Activations:
        """The inverse, but for rounding."""
        with np.load(BytesIO(data), allow_pickle=False) as file:
            names = [str(name) for name in file["names"]]
            means = np.split(file["means"].astype(np.float32), np.cumsum(file["channels"])[:-1])
            ranges = [(float(low), float(high)) for low, high in file["ranges"]]
            return cls(
                str(file["source"]),
                dict(zip(names, ranges, strict=True)),
                dict(zip(names, means, strict=True)),
            )


def file_name(network: str, source: str) -> str:
    """Of the activations of a network."""
    return f"{network}-{source[:16]}.npz"


@cache
def activations_file(sha256: str) -> Path | None:
    """The file that is shipped for the graph with that hash."""
    return next(FOLDER.glob(file_name("*", sha256)), None) if sha256 else None


def activations_of(sha256: str) -> Activations:
    """Those that are shipped for the graph with that hash. Raises ModelError."""
    file = activations_file(sha256)
    found = file and Activations.from_bytes(file.read_bytes())
    if not found or found.source != sha256:
        raise ModelError(NOT_MEASURED)
    return found


def activations_digest(sha256: str) -> str:
    """A hash of those, and of how they are used; empty if there are none."""
    file = activations_file(sha256)
    return f"{_REVISION} {hashlib.sha256(file.read_bytes()).hexdigest()}" if file else ""


def pointwise(graph: Any) -> list[Any]:
    """The 1 × 1 convolutions of an OpenVINO graph, in the order in which they run."""
    return [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "Convolution"
        and list(node.input_value(1).get_shape())[2:] == [1, 1]
    ]


def quantize(graph: Any, activations: Activations) -> None:
    """Let an OpenVINO graph compute the pointwise convolutions with activations in 8 bits.

    Raises ValueError if the activations are those of another graph.
    """
    nodes = {node.get_friendly_name(): node for node in pointwise(graph)}
    for name, mean in activations.means.items():
        node = nodes.get(name)
        if node is None or len(mean) != node.input_value(1).get_shape()[1]:
            raise ValueError(f"the activations of {name!r} are those of another graph")
        integers = _in_integers(node, activations.ranges[name], mean)
        for target in list(node.output(0).get_target_inputs()):
            target.replace_source_output(integers.output(0))
    graph.validate_nodes_and_infer_types()


def _in_integers(node: Any, limits: tuple[float, float], mean: Values) -> Any:
    """The same convolution, of inputs that are mapped to 0 … 1."""
    from openvino import opset13 as ops

    low, high = limits
    kernel = _kernel(node)
    scaled = kernel * np.float32(high - low)
    top = np.maximum(np.abs(scaled).max(axis=1), np.finfo(np.float32).tiny)
    step = (top / _LARGEST)[:, None]
    rounded = np.rint(scaled / step) * step
    shift = kernel.sum(axis=1) * low + (scaled - rounded) @ ((mean - low) / (high - low))
    inputs = ops.fake_quantize(
        node.input_value(0), *map(_constant, (low, high, 0, 1)), levels=_LEVELS
    )
    end = (top * _INT8 / _LARGEST)[:, None, None, None]
    ends = [_constant(one) for one in (-end, end, -end, end)]
    weights = ops.fake_quantize(_constant(rounded[:, :, None, None]), *ends, levels=_LEVELS - 1)
    how = (node.get_attributes()[name] for name in ("strides", "pads_begin", "pads_end"))
    product = ops.convolution(inputs, weights, *how, [1, 1])
    return ops.add(product, _constant(shift[None, :, None, None]))


def _kernel(node: Any) -> Values:
    """``(channels out, channels in)``; they may be stored in 16 bits."""
    source = node.input_value(1).get_node()
    while source.get_type_name() == "Convert":
        source = source.input_value(0).get_node()
    return np.asarray(source.get_data(), np.float32)[:, :, 0, 0]


def _constant(values: Any) -> Any:
    from openvino import opset13 as ops

    return ops.constant(np.asarray(values, np.float32))
