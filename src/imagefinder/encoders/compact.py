"""The default encoder: MobileNetV2, distilled; the model card is beside its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.precision import Precision
from imagefinder.types import Features, Image, Measure, Resize

WEIGHTS = Path(__file__).parent / "weights" / "compact.onnx"
SHA256 = "6be05863f623f82ea42ed9de9e359295d5c594274f2e72a430e2441d050bb303"
_SIDE = 208


@dataclass(frozen=True)
class Compact:
    """A small convolutional network (MobileNetV2), trained by knowledge distillation.

    Embeddings have 320 dimensions and unit length; unrelated images score about 0.
    """

    runtime: Literal["auto", "openvino", "onnxruntime"] = field(
        default="auto", metadata={"recipe": False}
    )
    precision: Precision = field(default="auto", metadata={"recipe": False})

    dim: ClassVar[int] = 320
    measure: ClassVar[Measure] = "cosine"
    resize: ClassVar[Resize] = Resize(_SIDE, _SIDE)
    revision: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _ = self.graph  # an invalid option fails here

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One unit row of 320 float32 each."""
        return self.graph.encode(images)

    def prepare(self) -> None:
        """Compile the graph now, rather than for the first image. Raises ModelError."""
        self.graph.prepare()

    @cached_property
    def graph(self) -> Onnx:
        """The network, with its preprocessing."""
        return Onnx(
            path=str(WEIGHTS),
            sha256=SHA256,
            dim=self.dim,
            output="embedding",
            size=(_SIDE, _SIDE),
            scale=1.0,
            mean=(127.5, 127.5, 127.5),
            std=(127.5, 127.5, 127.5),
            normalize=True,  # 16-bit weights leave lengths slightly off 1
            runtime=self.runtime,
            precision=self.precision,
        )
