"""Teacher models: pretrained ONNX graphs, run by OpenVINO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import batched
from imagefinder.encoders.runtimes import openvino
from imagefinder.training.augmentation import Pixels

Tensors: TypeAlias = list[NDArray[np.float32]]
Inference: TypeAlias = Callable[[Iterable[Pixels]], Iterator[Tensors]]

_BATCH = 64


@dataclass(frozen=True)
class Teacher:
    """An ONNX graph of MobileNetV2's family; its input is (pixel - mean) / std."""

    path: Path
    mean: list[float]
    std: list[float]

    def block_outputs(self) -> list[str]:
        """The names of the tensors at the ends of the 19 blocks that the student has, too."""
        import onnx

        nodes = list(onnx.load(self.path).graph.node)
        pooling = next(i for i, node in enumerate(nodes) if node.op_type == "GlobalAveragePool")
        readers: dict[str, list[Any]] = {}
        for node in nodes:
            for tensor in node.input:
                readers.setdefault(tensor, []).append(node)
        ends = []
        for node in nodes[:pooling]:
            if node.op_type != "Conv":
                continue
            after = readers[node.output[0]]
            if [reader.op_type for reader in after] == ["Add"]:  # the end of a residual
                ends.append(after[0].output[0])
            elif all(reader.op_type != "Clip" for reader in after):  # linear
                ends.append(node.output[0])
        clips = [node.output[0] for node in nodes if node.op_type == "Clip"]
        return [clips[0], *ends, clips[-1]]

    def compile(self, tensors: Sequence[str], size: int) -> Inference:
        """A function from views of ``size`` pixels to these tensors, without the batch axis."""
        queue = self._queue(tensors, size)

        def infer(views: Iterable[Pixels]) -> Iterator[Tensors]:
            for batch in batched(views, _BATCH):
                results: list[Tensors] = [[]] * len(batch)
                for position, view in enumerate(batch):
                    queue.start_async({0: view[None]}, (results, position))
                queue.wait_all()
                yield from results

        return infer

    def _queue(self, tensors: Sequence[str], size: int) -> Any:
        ov = openvino()
        from openvino.preprocess import PrePostProcessor

        core = ov.Core()
        graph = core.read_model(self.path)
        named = {
            name: output
            for node in graph.get_ordered_ops()
            for output in node.outputs()
            for name in output.get_names()
        }
        graph = ov.Model([named[name] for name in tensors], graph.get_parameters(), "teacher")
        graph.reshape([1, 3, size, size])
        steps = PrePostProcessor(graph)
        pixels = steps.input()
        pixels.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        pixels.model().set_layout(ov.Layout("NCHW"))
        pixels.preprocess().convert_element_type(ov.Type.f32).mean(self.mean).scale(self.std)
        graph = steps.build()
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        queue = ov.AsyncInferQueue(core.compile_model(graph, "CPU", hint))
        queue.set_callback(_store)
        return queue


def _store(request: Any, destination: tuple[list[Tensors], int]) -> None:
    results, position = destination
    results[position] = [tensor.data[0].copy() for tensor in request.output_tensors]
