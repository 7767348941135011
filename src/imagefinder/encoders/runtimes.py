"""What runs a graph: OpenVINO on processors, ONNX Runtime on GPUs or when asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import MissingExtra, ModelError
from imagefinder.types import Image

if TYPE_CHECKING:
    from imagefinder.encoders.onnx import Onnx


class Runtime(Protocol):
    """Runs one graph; may be called from several threads."""

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The output tensors of ``(height, width, 3)`` images, joined on the first axis."""


def runtime_for(model: Onnx) -> Runtime:
    """As the model asks; ``auto`` is ONNX Runtime where it finds a GPU, else OpenVINO."""
    if model.runtime == "onnxruntime":
        return OnnxRuntime(model)
    if model.runtime == "auto" and find_spec("onnxruntime"):
        runtime = OnnxRuntime.on_gpu(model)
        if runtime is not None:
            return runtime
    return OpenVino(model)


def openvino() -> Any:
    """The library, kept from reporting to anyone.

    Its converter tools import ``openvino_telemetry`` and do without it if it cannot be imported.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None blocks an import
    import openvino

    return openvino


class OpenVino:
    """One image a request, as many requests at a time as the processor likes.

    Batches gain nothing on processors, and single images make every embedding independent of its
    neighbours and graphs with a fixed batch of one no special case.
    """

    def __init__(self, model: Onnx) -> None:
        ov = openvino()
        core = ov.Core()
        graph = core.read_model(model.path)
        graph = ov.Model([port_named(graph, model.output)], graph.get_parameters(), model.output)
        width, height = model.size
        shape = [1, 3, height, width] if model.layout == "NCHW" else [1, height, width, 3]
        config = {"PERFORMANCE_HINT": "THROUGHPUT"}
        if model.precision != "auto":
            config["INFERENCE_PRECISION_HINT"] = model.precision
        try:
            graph.reshape({graph.inputs[0]: ov.PartialShape(shape)})
            self._compiled = core.compile_model(_with_preprocessing(graph, model), "CPU", config)
        except RuntimeError as error:
            raise ModelError(f"{model.path} cannot be run: {_first_line(error)}") from error
        self._lock = Lock()
        self._queue = ov.AsyncInferQueue(self._compiled)
        self._queue.set_callback(_keep)

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """See Runtime."""
        tensors: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(images)
        with self._lock:  # one queue, one user at a time
            for position, image in enumerate(images):
                self._queue.start_async({0: image[None]}, (tensors, position))
            self._queue.wait_all()
        return np.concatenate(tensors)


class OnnxRuntime:
    """Whole batches, unless the graph fixes its batch."""

    def __init__(self, model: Onnx, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.log_severity_level = 3  # errors only
        self._model = model
        try:
            self._session = ort.InferenceSession(
                _graph_with_output(model), options, providers=list(providers)
            )
        except Exception as error:  # its own exceptions share no base class
            raise ModelError(f"{model.path} cannot be run: {_first_line(error)}") from error
        self._input = self._session.get_inputs()[0]

    @classmethod
    def on_gpu(cls, model: Onnx) -> OnnxRuntime | None:
        """A session on a GPU, or None where there is none."""
        available = onnxruntime().get_available_providers()
        gpus = [p for p in available if p.startswith(("CUDA", "ROCM", "MIGraphX", "Dml"))]
        if not gpus:
            return None
        runtime = cls(model, [*gpus, "CPUExecutionProvider"])
        on_gpu = runtime._session.get_providers()[0] in gpus  # a wheel may offer what is not there
        return runtime if on_gpu else None

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """See Runtime."""
        batch = self._fed(np.stack(images))
        fixed = isinstance(self._input.shape[0], int)
        parts = np.split(batch, len(batch)) if fixed else [batch]
        try:
            tensors = [
                self._session.run([self._model.output], {self._input.name: part})[0]
                for part in parts
            ]
        except Exception as error:
            raise ModelError(f"{self._model.path} cannot be run: {_first_line(error)}") from error
        return np.concatenate(tensors).astype(np.float32, copy=False)

    def _fed(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        model = self._model
        if model.channels == "BGR":
            pixels = pixels[..., ::-1]
        mean, std = np.array([model.mean, model.std], np.float32)
        values = (pixels * np.float32(model.scale) - mean) / std
        if model.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        kinds = {"tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
        return np.ascontiguousarray(values, dtype=kinds.get(self._input.type, np.float32))


def port_named(graph: Any, name: str) -> Any:
    """The tensor of that name in an OpenVINO graph. Raises ModelError."""
    outputs = [output for node in graph.get_ordered_ops() for output in node.outputs()]
    named = [output for output in outputs if name in output.get_names()]
    # a tensor without a name goes by that of its operation
    named += [output for output in outputs if output.get_node().get_friendly_name() == name]
    if not named:
        raise ModelError(f"the graph has no tensor {name!r}")
    return named[0]


def _with_preprocessing(graph: Any, model: Onnx) -> Any:
    """The graph fed with uint8 RGB rows as they are; (x·s - m) / d is (x - m/s) / (d/s)."""
    ov = openvino()
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(graph)
    fed = steps.input()
    fed.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    fed.tensor().set_color_format(ColorFormat.RGB)
    fed.model().set_layout(ov.Layout(model.layout))
    fed.preprocess().convert_element_type(ov.Type.f32)
    if model.channels == "BGR":
        fed.preprocess().convert_color(ColorFormat.BGR)
    fed.preprocess().mean([m / model.scale for m in model.mean])
    fed.preprocess().scale([d / model.scale for d in model.std])
    steps.output().tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _keep(request: Any, place: tuple[list[NDArray[np.float32]], int]) -> None:
    tensors, position = place
    tensors[position] = request.get_output_tensor(0).data.copy()


def onnxruntime() -> Any:
    """The library, kept from reporting to anyone. Raises MissingExtra."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtra("ONNX Runtime needs: pip install 'imagefinder[onnxruntime]'") from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _graph_with_output(model: Onnx) -> str | bytes:
    """The file, or its content with an inner tensor made an output."""
    import onnx  # comes with the same extra

    graph = onnx.load(model.path)
    if model.output in {output.name for output in graph.graph.output}:
        return model.path
    graph.graph.output.append(onnx.ValueInfoProto(name=model.output))
    content: bytes = graph.SerializeToString()
    return content


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
