"""ONNX graph inspection: input size, layout and the tensor that is the embedding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder.encoders.runtimes import Layout, read_model
from imagefinder.errors import ModelError

# ImageNet's classes, with and without a background class, and the larger ImageNet-21k's
_CLASS_COUNTS = (1000, 1001, 21841, 21843)
_CLASS_WORDS = ("logit", "softmax", "prob", "class", "score")
_SHAPERS = ("Reshape", "Squeeze", "Unsqueeze", "Convert", "Result")


@dataclass(frozen=True)
class Tensor:
    """A named tensor; a dimension of -1 is dynamic."""

    name: str
    shape: tuple[int, ...]
    classifies: bool

    def channels(self, layout: Layout) -> int | None:
        """Its dimensions once pooled, or ``None`` if that is dynamic."""
        if not self.shape:
            return None
        axis = 1 if len(self.shape) == 2 or (len(self.shape) == 4 and layout == "NCHW") else -1
        return self.shape[axis] if self.shape[axis] > 0 else None

    def __str__(self) -> str:
        return f"{self.name} ({' × '.join('?' if d < 0 else str(d) for d in self.shape)})"


@dataclass(frozen=True)
class Graph:
    """A graph with one image input."""

    name: str
    size: tuple[int, int] | None
    """(width, height), or ``None`` if it is dynamic."""
    layout: Layout
    takes_bytes: bool
    """Whether it is fed with the pixels as they are, 0 to 255."""
    outputs: tuple[Tensor, ...]
    inner: tuple[Tensor, ...]
    """Named tensors that could be taken, the last ones first."""
    roles: Mapping[str, Tensor]
    """Tensors by role instead of name: ``penultimate``, the input of the classifier head, and
    ``tokens``, the last ones of a transformer."""

    def embedding(self, wanted: str | None) -> Tensor:
        """The tensor of that name or role, or the only output that is not a classifier's."""
        if wanted is not None:
            for tensor in (*self.outputs, *self.inner):
                if tensor.name == wanted:
                    return tensor
            if wanted in self.roles:
                return self.roles[wanted]
            raise ModelError(f"{self.name} has no tensor {wanted!r}; {self._choice()}")
        embeddings = [output for output in self.outputs if not output.classifies]
        if len(embeddings) == 1:
            return embeddings[0]
        problem = "more than one output" if embeddings else "only a classifier output"
        raise ModelError(
            f"{self.name} has {problem}: choose the embedding tensor, "
            f'with --option output=NAME or output = "NAME" in {Path(self.name).stem}.toml; '
            f"{self._choice()}"
        )

    def _choice(self) -> str:
        tensors = [t for t in (*self.outputs, *self.inner) if not t.classifies][:6]
        return (
            "for example " + ", ".join(map(str, tensors))
            if tensors
            else "it has no suitable tensor"
        )


def read_graph(path: Path) -> Graph:
    """Read a graph. Raises ModelError if it cannot be used for images."""
    model = read_model(path)
    image = _image_port(path.name, model)
    others = [one for one in model.inputs if one.get_node() != image.get_node()]
    foreign = _computed_from(others)
    own = [one for one in model.outputs if one.get_node().get_friendly_name() not in foreign]
    if not own:
        raise ModelError(f"{path.name} has no output that is computed from an image alone")
    shape = _shape(image)
    layout, size = _image_input(path.name, shape)
    outputs = tuple(_tensor(output, output.get_node()) for output in own)
    inner = tuple(t for t in _inner(model, foreign) if t.name not in {o.name for o in outputs})
    takes_bytes = image.get_element_type().to_string() == "u8"
    return Graph(path.name, size, layout, takes_bytes, outputs, inner, _roles(own[0]))


def _image_port(name: str, model: Any) -> Any:
    """The only input, or the only one of four dimensions, as of images beside text."""
    images = [one for one in model.inputs if len(model.inputs) == 1 or len(_shape(one)) == 4]
    if len(images) != 1:
        raise ModelError(f"{name} has {len(model.inputs)} inputs; a single image input is expected")
    return images[0]


def _computed_from(ports: list[Any]) -> set[str]:
    """The names of all operations that these inputs have a part in."""
    names: set[str] = set()
    waiting = [port.get_node() for port in ports]
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in names:
            names.add(node.get_friendly_name())
            targets = [to for output in node.outputs() for to in output.get_target_inputs()]
            waiting += [to.get_node() for to in targets]
    return names


def _image_input(name: str, shape: tuple[int, ...]) -> tuple[Layout, tuple[int, int] | None]:
    if len(shape) == 4 and (shape[1] == 3 or (shape[1] == -1 and shape[3] != 3)):
        layout: Layout = "NCHW"
        height, width = shape[2:]
    elif len(shape) == 4 and shape[3] == 3:
        layout = "NHWC"
        height, width = shape[1:3]
    else:
        raise ModelError(f"{name} takes {shape}, not batches of three-channel images")
    return layout, (width, height) if width > 0 and height > 0 else None


def _inner(model: Any, foreign: set[str]) -> Iterator[Tensor]:
    for node in reversed(model.get_ordered_ops()):
        is_foreign = node.get_friendly_name() in foreign
        if is_foreign or node.get_type_name() in ("Constant", "Result", "Parameter"):
            continue
        for output in node.outputs():
            if not output.get_names() or output.get_partial_shape().rank.is_dynamic:
                continue
            tensor = _tensor(output, node)
            if len(tensor.shape) in (2, 3, 4):
                yield tensor


def _roles(output: Any) -> dict[str, Tensor]:
    """Found by walking back from an output."""
    roles: dict[str, Tensor] = {}
    scored = False
    for port in _walk_back(output):
        tensor = _tensor(port, port.get_node())
        if scored:
            roles.setdefault("penultimate", tensor)
        if len(tensor.shape) == 3:
            roles.setdefault("tokens", tensor)
        scored = port.get_node().get_type_name() in ("MatMul", "Convolution")
    return roles


def _walk_back(port: Any) -> Iterator[Any]:
    """From an output to the input, by each operation's first input that is not a constant."""
    computed = [port]
    while computed:
        port = computed[0]
        yield port
        inputs = port.get_node().input_values()
        computed = [one for one in inputs if _producer(one.get_node()) != "Constant"]


def _tensor(output: Any, node: Any) -> Tensor:
    names = output.get_names()
    name = min(names) if names else node.get_friendly_name()
    shape = _shape(output)
    classifies = (
        any(size in _CLASS_COUNTS for size in shape[1:])
        or any(word in name.lower() for word in _CLASS_WORDS)
        or _producer(node).endswith("Softmax")
    )
    return Tensor(name, shape, classifies)


def _producer(node: Any) -> str:
    """The operation that computes a tensor, behind any that only change its shape."""
    while node.get_type_name() in _SHAPERS:
        node = node.input_value(0).get_node()
    kind: str = node.get_type_name()
    return kind


def _shape(port: Any) -> tuple[int, ...]:
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return ()
    return tuple(-1 if size.is_dynamic else size.get_length() for size in shape)
