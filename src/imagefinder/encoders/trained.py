"""Fine-tuned encoder: the folder of an ONNX graph that ``imagefinder train`` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from imagefinder.encoders.model_store import digest
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.runtimes import Precision, RuntimeName, Triple
from imagefinder.errors import ModelError
from imagefinder.types import Features, Image, Measure, Resize

DESCRIPTION = "encoder.json"
GRAPH = "encoder.onnx"
OUTPUT = "embedding"
"""The tensor of the graph that is the embedding."""

_OPTIONS = ("runtime", "precision")


@dataclass(frozen=True)
class Trained:
    """A graph for images stretched to ``size`` × ``size`` pixels; its rows have unit length.

    Each channel is normalized to ``(pixel / 255 - mean) / std``.
    """

    path: str = field(metadata={"recipe": False})
    """The folder."""
    sha256: str
    """Of the graph."""
    dim: int
    size: int
    mean: Triple
    std: Triple
    runtime: RuntimeName = field(default="auto", metadata={"recipe": False})
    precision: Precision = field(default="auto", metadata={"recipe": False})

    measure: ClassVar[Measure] = "cosine"

    @classmethod
    def from_argument(cls, path: str, options: Mapping[str, Any]) -> Trained:
        """From the folder. Raises ModelError if it is incomplete, or for an unknown option."""
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise ModelError(f"trained has no option {', '.join(unknown)}: {', '.join(_OPTIONS)}")
        folder = Path(path).expanduser().absolute()
        encoder = cls(path=str(folder), **_described(folder), **options)
        encoder.check()
        return encoder

    @property
    def resize(self) -> Resize:
        """Stretched, as in training."""
        return Resize(self.size, self.size)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each, of unit length. Raises ModelError."""
        return self._model.encode(images) if images else []

    def check(self) -> None:
        """Raises ModelError if the graph is missing or has changed."""
        try:
            found = digest(self._graph)
        except ModelError as error:
            raise ModelError(f"{error}: give its folder as trained:FOLDER") from error
        if found != self.sha256:
            raise ModelError(
                f"{self._graph} is not the encoder that was trained: its content has changed"
            )

    @property
    def _graph(self) -> Path:
        return Path(self.path) / GRAPH

    @cached_property
    def _model(self) -> Onnx:
        self.check()
        return Onnx(
            path=str(self._graph),
            sha256=self.sha256,
            dim=self.dim,
            output=OUTPUT,
            size=(self.size, self.size),
            mean=self.mean,
            std=self.std,
            normalize=True,
            runtime=self.runtime,
            precision=self.precision,
        )


def _described(folder: Path) -> dict[str, Any]:
    """The fields of the folder's description. Raises ModelError."""
    file = folder / DESCRIPTION
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        mean, std = (tuple(float(one) for one in about[name]) for name in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3:
            raise ValueError("mean and std must be three numbers each")
        return {
            "sha256": str(about["files"][GRAPH]),
            "dim": int(about["dim"]),
            "size": int(about["size"]),
            "mean": mean,
            "std": std,
        }
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({error.strerror or error}): "
            "a trained encoder is a folder as `imagefinder train` leaves it"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file} is damaged: train again, or restore it") from error
