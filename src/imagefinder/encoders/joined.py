"""Joined encoder: `compact` and a pretrained network, projected together to one short vector.

Each sees what the other does not: `compact` was trained to recognize copies, garments and
groceries, the pretrained network knows a thousand kinds of objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final, Literal

import numpy as np
import PIL.Image

from imagefinder.encoders import compact
from imagefinder.encoders.joint_projection import JointProjection
from imagefinder.encoders.model_store import find_model, pinned
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.precision import Precision
from imagefinder.encoders.pretrained import Pretrained
from imagefinder.errors import ModelError
from imagefinder.images.decode import resized
from imagefinder.types import Features, Image, Measure, Resize

_WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class JoinedModel:
    """What is joined, and the projection that is shipped for it."""

    network: str
    """The row of ``models.toml`` that is joined with `compact`."""
    side: int
    """The size of images in pixels: the largest that a member takes."""
    dim: int
    sha256: str
    """Of the projection; it names the SHA-256 of all members' weights."""


MODELS: Final = {
    "standard": JoinedModel(
        "efficientnet_lite0",
        224,
        384,
        "2e3d31e808cf56e5b01034ca77a04be1488ee7f78a3d3bfbb0320794f8179f77",
    ),
    "large": JoinedModel(
        "efficientnet_lite2",
        260,
        384,
        "20d5b4b41612154bf2ab1e886502e8a0c73944ecf18b0c8bf3031158f6a73325",
    ),
}


@dataclass(frozen=True)
class Joined:
    """`compact` joined with an EfficientNet-Lite; unrelated images score about 0."""

    model: Literal["standard", "large"]
    sha256: str = field(default="", repr=False)
    """Of the projection; filled in."""
    runtime: Literal["auto", "openvino", "onnxruntime"] = field(
        default="auto", metadata={"recipe": False}
    )
    precision: Precision = field(default="auto", metadata={"recipe": False})

    measure: ClassVar[Measure] = "cosine"

    def __post_init__(self) -> None:
        _ = self._compact  # an invalid option fails here
        if not self.sha256:  # new, not from a recipe
            pinned(find_model(self._parts.network))
            object.__setattr__(self, "sha256", self._parts.sha256)

    @property
    def dim(self) -> int:
        """Of the projection."""
        return self._parts.dim

    @property
    def resize(self) -> Resize:
        """The center square."""
        return Resize(self._parts.side, self._parts.side, mode="crop")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One unit row of ``dim`` float32 each. Raises ModelError."""
        if not images:
            return []
        rows = [
            np.concatenate(member.encode([_sized(image, member.resize) for image in images]))
            for member in self._members
        ]
        return [row[None] for row in self._projection(rows)]

    @property
    def _parts(self) -> JoinedModel:
        return MODELS[self.model]

    @cached_property
    def _compact(self) -> compact.Compact:
        return compact.Compact(self.runtime, self.precision)

    @cached_property
    def _projection(self) -> JointProjection:
        data = (_WEIGHTS / f"{self.model}.npz").read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(
                f"the {self.model} of this version is not that of the recipe, whose SHA-256 is "
                f"{self.sha256[:16]}…: create another catalogue, or install the version it is of"
            )
        return JointProjection.from_bytes(data)

    @cached_property
    def _members(self) -> tuple[compact.Compact, Onnx]:
        own, theirs = self._projection.sources
        if own != compact.SHA256:
            raise ModelError(f"{self.model} was fitted to another compact: reinstall imagefinder")
        network = Pretrained(self._parts.network, theirs, "", self.runtime, self.precision)
        with ThreadPoolExecutor(1) as thread:  # both are verified and compiled at the same time
            graph = thread.submit(_prepared, network)
            self._compact.prepare()
            return self._compact, graph.result()


def _prepared(network: Pretrained) -> Onnx:
    graph = network.graph()
    graph.prepare()
    return graph


def _sized(image: Image, needed: Resize) -> Image:
    if image.shape[:2] == (needed.height, needed.width):
        return image
    return np.asarray(resized(PIL.Image.fromarray(image), needed))
