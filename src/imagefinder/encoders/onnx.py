"""ONNX encoder: any image model as an ONNX graph, with its preprocessing."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from imagefinder.encoders.eight_bits import NOT_MEASURED, activations_file
from imagefinder.encoders.model_store import digest, file_digest, known_digest
from imagefinder.encoders.onnx_files import external_files
from imagefinder.encoders.onnx_graph import Graph, read_graph
from imagefinder.encoders.precision import Precision
from imagefinder.encoders.runtimes import (
    GraphSpec,
    Layout,
    Runtime,
    RuntimeName,
    Triple,
    runtime_for,
)
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import SETTINGS, pair
from imagefinder.similarity import unit
from imagefinder.types import Features, Image, Measure, Resize

_IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
_IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
_OPTIONS = (*SETTINGS, "runtime", "precision")


@dataclass(frozen=True)
class Onnx:
    """A graph with one image input; ``from_argument`` fills in what the graph itself declares.

    Each channel is normalized to ``(pixel * scale - mean) / std``. The defaults are ImageNet's,
    which most published models use; with other values than in training the embeddings are useless.
    """

    path: str = field(metadata={"recipe": False})
    sha256: str
    dim: int
    output: str
    """The tensor taken as the embedding; feature maps and tokens are pooled."""
    layout: Layout = "NCHW"
    size: tuple[int, int] = (224, 224)
    """(width, height)"""
    resize_mode: Literal["stretch", "crop"] = field(
        default="stretch", metadata={"option": "resize"}
    )
    keep: float = 1.0
    """With ``crop``: the fraction of the short side that remains (0.875 is 256 → 224)."""
    filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear"
    scale: float = 1 / 255
    mean: Triple = _IMAGENET_MEAN
    std: Triple = _IMAGENET_STD
    channels: Literal["RGB", "BGR"] = "RGB"
    pool: Literal["mean", "first"] = "mean"
    """Pooling of tokens or a feature map to one vector; ``first`` takes the class token."""
    normalize: bool = False
    measure: Measure = "cosine"
    runtime: RuntimeName = field(default="auto", metadata={"recipe": False})
    precision: Precision = field(default="auto", metadata={"recipe": False})
    """``auto`` lets OpenVINO use bfloat16 where the CPU supports it; ``i8`` needs activations."""

    def __post_init__(self) -> None:
        kinds = _kinds()
        for its_field in fields(self):
            option, kind = its_field.metadata.get("option", its_field.name), kinds[its_field.name]
            chosen = getattr(self, its_field.name)
            if get_origin(kind) is Literal and chosen not in get_args(kind):
                raise ValueError(f"{option} is one of {', '.join(get_args(kind))}, not {chosen!r}")
            if kind is float and not isinstance(chosen, int | float):
                raise ValueError(f"{option} must be a number, not {chosen!r}")
            if kind is bool and not isinstance(chosen, bool):
                raise ValueError(f"{option} must be true or false, not {chosen!r}")
        if min(*self.size, *self.std, self.scale, self.keep) <= 0 or self.keep > 1:
            raise ValueError("size, keep (0 to 1), std and scale must be above 0")
        if self.precision == "i8" and not activations_file(self.sha256):
            raise ValueError(NOT_MEASURED)
        if self.measure == "hamming":
            raise ValueError("the measure of a float embedding is cosine, l2 or dot")

    @classmethod
    def from_argument(cls, path: str, options: Mapping[str, Any]) -> Onnx:
        """From a file, the TOML of the same name beside it, and options, which take precedence.

        Options: size (one number, or [width, height]), resize, keep, filter, scale, mean, std (one
        number or three), channels, output, pool, normalize, measure, runtime, precision. Raises
        ModelError if the file cannot be used, or its embedding output is ambiguous.
        """
        file = Path(path).expanduser().absolute()
        settings: dict[str, Any] = {**_settings_beside(file), **options}
        return cls.from_file(file, _sha256(file, known_digest), settings)

    @classmethod
    def from_file(
        cls, file: Path, sha256: str, options: Mapping[str, Any], declared: Graph | None = None
    ) -> Onnx:
        """From a file with a known hash, and options alone; as ``from_argument``.

        What the graph declares is read from the file, unless it is given.
        """
        settings = dict(options)
        _check_names(settings, file.name)
        graph = declared or (_read(file, sha256) if sha256 else read_graph(file))
        if graph.takes_bytes:
            settings = {"scale": 1, "mean": 0, "std": 1, **settings}
        output = graph.embedding(cast("str | None", settings.pop("output", None)))
        size = pair(settings.pop("size", graph.size or (224, 224)))
        if graph.size not in (None, size):
            raise ModelError(f"{file.name} takes images of {graph.size}, not of {size}")
        for name in ("mean", "std"):
            if name in settings:
                settings[name] = _triple(name, settings[name])
        if "resize" in settings:
            settings["resize_mode"] = settings.pop("resize")
        try:
            model = cls(
                path=str(file),
                sha256=sha256,
                dim=output.channels(graph.layout) or 0,
                output=output.name,
                layout=graph.layout,
                size=size,
                **settings,
            )
        except (TypeError, ValueError) as error:
            raise ModelError(f"{file.name}: {error}") from error
        return model if model.dim else replace(model, dim=model._measured_dim())

    @property
    def resize(self) -> Resize:
        """As the options specify."""
        return Resize(*self.size, mode=self.resize_mode, keep=self.keep, filter=self.filter)

    @property
    def spec(self) -> GraphSpec:
        """What a runtime needs to know."""
        return GraphSpec(**{one.name: getattr(self, one.name) for one in fields(GraphSpec)})

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each; not normalized unless ``normalize`` is set."""
        if not images:
            return []
        rows = self._pooled(self.tensors(images), len(images))
        if self.normalize:
            rows = unit(rows)
        return [row[None] for row in rows]

    def tensors(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The raw output, feature maps and tokens included, for at least one image."""
        return self._runtime.run(images)

    def prepare(self) -> None:
        """Compile the graph now, rather than for the first image. Raises ModelError.

        Several can be compiled at a time, which the lock of a cached property would prevent.
        """
        if "_runtime" not in self.__dict__:
            self.__dict__["_runtime"] = self._compiled()

    @cached_property
    def _runtime(self) -> Runtime:
        return self._compiled()

    def _compiled(self) -> Runtime:
        self._check()
        return runtime_for(self.spec)

    def _check(self) -> None:
        """Raises ModelError if the graph, or a file with its weights, has changed."""
        path = Path(self.path)
        if _sha256(path) == self.sha256:
            return
        if external_files(path) and file_digest(path) == self.sha256:
            raise ModelError(
                f"{path} keeps weights in files beside it, which an earlier version did not check: "
                "make the catalogue anew"
            )
        raise ModelError(
            f"{path} or a file with its weights has changed since this encoder was made: "
            "restore the file"
        )

    def _pooled(self, tensor: NDArray[np.float32], images: int) -> NDArray[np.float32]:
        if tensor.ndim == 4:
            tensor = tensor.mean(axis=(2, 3) if self.layout == "NCHW" else (1, 2))
        elif tensor.ndim == 3:
            tensor = tensor[:, 0] if self.pool == "first" else tensor.mean(axis=1)
        return tensor.reshape(images, -1)  # some graphs squeeze a batch of one

    def _measured_dim(self) -> int:
        """For a graph whose output size is dynamic: that of a blank image."""
        blank = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        return len(self._pooled(self.tensors([blank]), 1)[0])


@cache
def _kinds() -> dict[str, Any]:
    """The type of each field."""
    return get_type_hints(Onnx)


@lru_cache(maxsize=16)
def _read(file: Path, sha256: str) -> Graph:
    return read_graph(file)


def _settings_beside(model: Path) -> dict[str, Any]:
    beside = model.with_suffix(".toml")
    try:
        with beside.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{beside} cannot be read: {error}") from error


def _check_names(settings: Mapping[str, Any], name: str) -> None:
    unknown = sorted(set(settings) - set(_OPTIONS))
    if unknown:
        raise ModelError(
            f"{name} has no option {', '.join(unknown)}; its options: {', '.join(_OPTIONS)}"
        )


def _sha256(model: Path, digest_of: Callable[[Path], str] = digest) -> str:
    try:
        return digest_of(model)
    except ModelError as error:
        raise ModelError(f"the model {error}: onnx:PATH says where it is") from error


def _triple(name: str, value: Any) -> Triple:
    values = value if isinstance(value, list | tuple) else [value] * 3
    if len(values) != 3 or not all(isinstance(v, int | float) for v in values):
        raise ModelError(f"{name} must be one number or three, not {value!r}")
    return cast(Triple, tuple(float(v) for v in values))
