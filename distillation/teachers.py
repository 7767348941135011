"""The graphs that are learnt from."""

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

Maps: TypeAlias = list[NDArray[np.float32]]
Teach: TypeAlias = Callable[[Iterable[Pixels]], Iterator[Maps]]
_AT_A_TIME = 64


@dataclass(frozen=True)
class Teacher:
    """An ONNX graph of MobileNetV2's family, fed with (pixel - mean) / std."""

    path: Path
    mean: list[float]
    std: list[float]

    def depths(self) -> list[str]:
        """The tensors that stand where each of the student's 19 parts ends."""
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

    def normalized_for(self, tensors: Sequence[str], size: int) -> Teach:
        """What gives these tensors for views of ``size`` pixels, without their axis of one."""
        queue = self._queue(tensors, size)

        def teach(views: Iterable[Pixels]) -> Iterator[Maps]:
            for batch in batched(views, _AT_A_TIME):
                given: list[Maps] = [[]] * len(batch)
                for position, view in enumerate(batch):
                    queue.start_async({0: view[None]}, (given, position))
                queue.wait_all()
                yield from given

        return teach

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
        fed = steps.input()
        fed.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        fed.model().set_layout(ov.Layout("NCHW"))
        fed.preprocess().convert_element_type(ov.Type.f32).mean(self.mean).scale(self.std)
        graph = steps.build()
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        queue = ov.AsyncInferQueue(core.compile_model(graph, "CPU", hint))
        queue.set_callback(_keep)
        return queue


def _keep(request: Any, place: tuple[list[Maps], int]) -> None:
    given, position = place
    given[position] = [tensor.data[0].copy() for tensor in request.output_tensors]
