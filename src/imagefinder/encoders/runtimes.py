"""Inference runtimes: OpenVINO on CPUs, ONNX Runtime on GPUs or on request."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.concurrency import cores, is_shared
from imagefinder._utils.extras import optional_import
from imagefinder.encoders.compiled_graphs import compiled_graph
from imagefinder.encoders.eight_bits import activations_digest, activations_of, quantize
from imagefinder.encoders.onnx_files import is_onnx
from imagefinder.encoders.onnx_loops import check_loops
from imagefinder.encoders.precision import (
    NO_SIXTEEN_BITS,
    Precision,
    chosen_precision,
    compile_graph,
    sixteen_bits_work,
)
from imagefinder.errors import ModelError
from imagefinder.types import Image

Layout: TypeAlias = Literal["NCHW", "NHWC"]
Triple: TypeAlias = tuple[float, float, float]
RuntimeName: TypeAlias = Literal["auto", "openvino", "onnxruntime"]
log = logging.getLogger(__name__)
_MOST_SECONDS = 60.0  # for an image, of which a graph takes at most one

# how the names of the files in onnxruntime/capi begin, on Linux and on Windows
_GPU_LIBRARIES = (
    *("libonnxruntime_providers_cuda", "libonnxruntime_providers_rocm"),
    *("libonnxruntime_providers_migraphx", "onnxruntime_providers_cuda", "directml"),
)


@dataclass(frozen=True)
class GraphSpec:
    """A graph, the output to compute, and how images are fed: ``(pixel * scale - mean) / std``."""

    path: str
    output: str
    layout: Layout
    size: tuple[int, int]
    """(width, height)"""
    scale: float
    mean: Triple
    std: Triple
    channels: Literal["RGB", "BGR"]
    runtime: RuntimeName
    precision: Precision
    sha256: str = ""
    """Of the graph; without it, what is compiled is not kept."""


class Runtime(Protocol):
    """Runs one graph; thread-safe."""

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The output tensors of ``(height, width, 3)`` images, concatenated on the first axis."""


def runtime_for(spec: GraphSpec) -> Runtime:
    """The runtime of the spec; ``auto`` is ONNX Runtime where it finds a GPU, else OpenVINO."""
    if spec.runtime == "onnxruntime":
        return OnnxRuntime(spec)
    if spec.runtime == "auto" and _supports_gpus():
        runtime = OnnxRuntime.on_gpu(spec)
        if runtime is not None:
            return runtime
    return OpenVino(spec)


def computed_in(place: Mapping[str, Any]) -> str | None:
    """The precision in which an encoder computes on this machine, and why it is not as chosen.

    ``place`` is the runtime part of a recipe; None if it does not name a precision.
    """
    while isinstance(place.get("runtime"), Mapping):  # that of an encoder within
        place = place["runtime"]
    precision, runtime = place.get("precision"), place.get("runtime")
    if precision is None:
        return None
    if runtime == "onnxruntime" or (runtime == "auto" and _supports_gpus()):
        return "as the graph is, by ONNX Runtime"
    openvino()
    if precision == "auto":
        precision = chosen_precision()
    if precision in ("f32", "i8") or sixteen_bits_work():
        return str(precision)
    return f"f32 ({NO_SIXTEEN_BITS})"


def _supports_gpus() -> bool:
    """Whether a build of ONNX Runtime for GPUs is installed, without importing it."""
    package = find_spec("onnxruntime")
    folders = (package.submodule_search_locations or []) if package else []
    libraries = (file.name.lower() for folder in folders for file in Path(folder, "capi").glob("*"))
    return any(name.startswith(_GPU_LIBRARIES) for name in libraries)


def openvino() -> Any:
    """The library, with its telemetry disabled and without its converter tools.

    They take as long to import as the rest of it, and can still be imported from
    ``openvino.tools.ovc``; they import ``openvino_telemetry``, and work without it.
    """
    blocked: dict[str, Any] = {"openvino_telemetry": None, "openvino.tools.ovc": None}
    for name, module in blocked.items():
        sys.modules.setdefault(name, module)  # None blocks an import
    import openvino

    if sys.modules.get("openvino.tools.ovc") is None:
        sys.modules.pop("openvino.tools.ovc", None)
    return openvino


def read_model(path: Path) -> Any:
    """An ONNX graph as OpenVINO's. Raises ModelError for other files, and for endless loops."""
    try:
        if not is_onnx(path):
            raise RuntimeError("OpenVINO reads other formats too, whose weights are not checked")
        model = openvino().Core().read_model(path)
    except RuntimeError as error:
        raise ModelError(f"{path.name} is not a readable ONNX graph") from error
    check_loops(model, path.name)
    return model


class OpenVino:
    """One image per inference request, with as many requests in parallel as the CPU takes.

    Batches gain nothing on CPUs; single images make every embedding independent of its neighbors,
    and graphs with a fixed batch of one no special case.
    """

    def __init__(self, spec: GraphSpec) -> None:
        ov = openvino()
        try:
            self._compiled = _compiled(ov, spec)
        except RuntimeError as error:
            raise ModelError(f"{spec.path} cannot be run: {_last_line(error)}") from error
        self._lock = Lock()
        self._alone = self._compiled.create_infer_request()
        self._queue = ov.AsyncInferQueue(self._compiled)
        self._queue.set_callback(_store_output)

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """See Runtime."""
        tensors: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(images)
        with self._lock:  # one queue, one user at a time
            if len(images) == 1:  # the callback of another thread would only cost time
                self._alone.infer({0: images[0][None]}, share_inputs=True)
                return np.array(self._alone.get_output_tensor(0).data, np.float32)
            for position, image in enumerate(images):
                self._queue.start_async({0: image[None]}, (tensors, position))
            self._queue.wait_all()
        return np.concatenate(tensors)


class OnnxRuntime:
    """Whole batches, unless the graph has a fixed batch size."""

    def __init__(
        self, spec: GraphSpec, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.log_severity_level = 3  # errors only
        if spec.precision in ("bf16", "i8"):
            log.warning(
                "ONNX Runtime computes as the graph is: the precision %s has no effect",
                spec.precision,
            )
        self._spec = spec
        try:
            self._session = ort.InferenceSession(
                onnx_part(spec.path, spec.output), options, providers=list(providers)
            )
        except Exception as error:  # its own exceptions share no base class
            raise ModelError(f"{spec.path} cannot be run: {_last_line(error)}") from error
        self._input = self._session.get_inputs()[0]

    @classmethod
    def on_gpu(cls, spec: GraphSpec) -> OnnxRuntime | None:
        """A session on a GPU, or ``None`` if there is none."""
        available = onnxruntime().get_available_providers()
        gpus = [p for p in available if p.startswith(("CUDA", "ROCM", "MIGraphX", "Dml"))]
        if not gpus:
            return None
        runtime = cls(spec, [*gpus, "CPUExecutionProvider"])
        on_gpu = (
            runtime._session.get_providers()[0] in gpus
        )  # a wheel may list providers that do not work
        return runtime if on_gpu else None

    def run(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """See Runtime."""
        batch = self._preprocessed(np.stack(images))
        fixed = isinstance(self._input.shape[0], int)
        parts = np.split(batch, len(batch)) if fixed else [batch]
        with self._limited(len(images) * _MOST_SECONDS) as options:
            tensors = [
                self._session.run([self._spec.output], {self._input.name: part}, options)[0]
                for part in parts
            ]
        return np.concatenate(tensors).astype(np.float32, copy=False)

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[Any]:
        """Options of runs that are terminated after that time. Raises ModelError."""
        options = onnxruntime().RunOptions()
        timer = Timer(seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield options
        except Exception as error:
            problem = f"takes more than {seconds:g} seconds" if options.terminate else ""
            raise ModelError(
                f"{self._spec.path} cannot be run: {problem or _last_line(error)}"
            ) from error
        finally:
            timer.cancel()

    def _preprocessed(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        spec = self._spec
        if spec.channels == "BGR":
            pixels = pixels[..., ::-1]
        mean, std = np.array([spec.mean, spec.std], np.float32)
        values = (pixels * np.float32(spec.scale) - mean) / std
        if spec.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        kinds = {"tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
        return np.ascontiguousarray(values, dtype=kinds.get(self._input.type, np.float32))


def port_named(graph: Any, name: str) -> Any:
    """The tensor of that name in an OpenVINO graph. Raises ModelError."""
    outputs = [output for node in graph.get_ordered_ops() for output in node.outputs()]
    named = [output for output in outputs if name in output.get_names()]
    # a tensor without a name is called by its operation
    named += [output for output in outputs if output.get_node().get_friendly_name() == name]
    if not named:
        raise ModelError(f"the graph has no tensor {name!r}")
    return named[0]


def part_of(graph: Any, output: str) -> Any:
    """What computes the tensor of that name in an OpenVINO graph. Raises ModelError."""
    port = port_named(graph, output)
    nodes, waiting = {}, [port.get_node()]
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in nodes:
            nodes[node.get_friendly_name()] = node
            waiting += [value.get_node() for value in node.input_values()]
    inputs = [one for one in graph.get_parameters() if one.get_friendly_name() in nodes]
    return openvino().Model([port], inputs, output)


def _compiled(ov: Any, spec: GraphSpec) -> Any:
    config: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if is_shared():
        # pinned, the threads of all processes would share the first processors
        config |= {"INFERENCE_NUM_THREADS": cores(), "ENABLE_CPU_PINNING": False}
    if not spec.sha256:
        return compile_graph(ov, prepared(spec), spec.precision, config)
    activations = activations_digest(spec.sha256) if spec.precision == "i8" else ""
    key = repr({**asdict(spec), "path": None, "runtime": None, "activations": activations})
    return compiled_graph(ov, key, partial(prepared, spec), spec.precision, config)


def prepared(spec: GraphSpec) -> Any:
    """The graph from one image of uint8 RGB to the output. Raises ModelError."""
    graph = part_of(read_model(Path(spec.path)), spec.output)
    width, height = spec.size
    shape = [1, 3, height, width] if spec.layout == "NCHW" else [1, height, width, 3]
    graph.reshape({graph.inputs[0]: openvino().PartialShape(shape)})
    if spec.precision == "i8":
        quantize(graph, activations_of(spec.sha256))
    return _with_preprocessing(graph, spec)


def _with_preprocessing(graph: Any, spec: GraphSpec) -> Any:
    """The graph with uint8 RGB input; (x·s - m) / d is (x - m/s) / (d/s)."""
    ov = openvino()
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(graph)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_color_format(ColorFormat.RGB)
    image.model().set_layout(ov.Layout(spec.layout))
    image.preprocess().convert_element_type(ov.Type.f32)
    if spec.channels == "BGR":
        image.preprocess().convert_color(ColorFormat.BGR)
    image.preprocess().mean([m / spec.scale for m in spec.mean])
    image.preprocess().scale([d / spec.scale for d in spec.std])
    steps.output().tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _store_output(request: Any, target: tuple[list[NDArray[np.float32]], int]) -> None:
    tensors, position = target
    tensors[position] = request.get_output_tensor(0).data.copy()


def onnxruntime() -> Any:
    """The library, with its telemetry disabled. Raises MissingExtra.

    Its import writes a device id below the user's cache and starts a thread that looks up its
    maker's host, unless the environment forbids it; its own call to disable telemetry is too late.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return optional_import("onnxruntime", "onnxruntime", "ONNX Runtime")


def onnx_part(path: str, output: str) -> str | bytes:
    """The file of a graph, or as much of its content as computes a tensor of it."""
    import onnx  # comes with the same extra

    model = onnx.load(path)
    graph = model.graph
    needed = _needed_for(graph, output)
    weights = {one.name for one in graph.initializer}
    unneeded = [one for one in graph.input if one.name not in needed | weights]
    if not unneeded and output in {one.name for one in graph.output}:
        return path
    if unneeded:
        for kept, parts in (
            ([one for one in graph.node if needed & set(one.output)], graph.node),
            ([one for one in graph.input if one.name in needed], graph.input),
            ([one for one in graph.initializer if one.name in needed], graph.initializer),
            ([one for one in graph.output if one.name in needed], graph.output),
        ):
            del parts[:]
            parts.extend(kept)
    if output not in {one.name for one in graph.output}:
        graph.output.append(onnx.ValueInfoProto(name=output))
    content: bytes = model.SerializeToString()
    return content


def _needed_for(graph: Any, output: str) -> set[str]:
    """The names of all tensors that a tensor of an ONNX graph is computed from, and its own."""
    makers = {name: node for node in graph.node for name in node.output}
    names: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += _inputs_of(makers[name]) if name in makers else []
    return names


def _inputs_of(node: Any) -> list[str]:
    """Those of the graphs within as well, of which some are tensors outside."""
    graphs = [graph for one in node.attribute for graph in (one.g, *one.graphs)]
    inner = [name for graph in graphs for one in graph.node for name in _inputs_of(one)]
    return [*node.input, *inner]


def _last_line(error: BaseException) -> str:
    """The last line of a message: those before it name places in OpenVINO's own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
