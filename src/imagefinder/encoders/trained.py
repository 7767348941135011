"""Fine-tuned encoder: a folder that ``imagefinder train`` made, with an ONNX graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from imagefinder._utils.text import one_line
from imagefinder.encoders.model_store import digest, known_digest
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.precision import Precision
from imagefinder.encoders.runtimes import RuntimeName, Triple
from imagefinder.errors import ModelError
from imagefinder.types import Features, Image, Measure, Resize

DESCRIPTION = "encoder.json"
GRAPH = "encoder.onnx"
OUTPUT = "embedding"
"""The name of the graph's output."""

_OPTIONS = ("runtime", "precision")


@dataclass(frozen=True)
class Trained:
    """Takes images stretched to ``size`` pixels a side; gives unit rows.

    Each channel is normalized as ``(pixel / 255 - mean) / std``.
    """

    path: str = field(metadata={"recipe": False})
    """The folder."""
    sha256: str
    """Of the graph's file."""
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
            raise ModelError(
                f"trained has no option {', '.join(unknown)}; its options: {', '.join(_OPTIONS)}"
            )
        folder = Path(path).expanduser().absolute()
        encoder = cls(path=str(folder), **_described(folder), **options)
        encoder.check(known_digest)
        return encoder

    @property
    def resize(self) -> Resize:
        """Stretched, as in training."""
        return Resize(self.size, self.size)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each, of unit length. Raises ModelError."""
        return self._model.encode(images) if images else []

    def check(self, digest_of: Callable[[Path], str] = digest) -> None:
        """Raises ModelError if the graph is missing or has changed."""
        try:
            found = digest_of(self._graph)
        except ModelError as error:
            raise ModelError(f"{error}: give the encoder's folder as trained:FOLDER") from error
        if found != self.sha256:
            raise ModelError(f"{self._graph} has changed: copy the folder again, or train again")

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
    """The fields of the encoder, from its description. Raises ModelError."""
    file = folder / DESCRIPTION
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        mean, std = (tuple(map(float, about[name])) for name in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3:
            raise ValueError("mean and std must have three numbers each")
        return {
            "sha256": str(about["files"][GRAPH]),
            "dim": int(about["dim"]),
            "size": int(about["size"]),
            "mean": mean,
            "std": std,
        }
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({one_line(error)}): "
            "a trained encoder is a folder made by `imagefinder train`"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file} is damaged: copy it again, or train again") from error
