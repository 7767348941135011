"""Published models by their names: a row of data, a file of the library, and ``Onnx``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from imagefinder.encoders.model_store import Pin, locate, model_named, pinned
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.text_encoder import TextTower, check_text, check_tokenizer
from imagefinder.errors import ModelError, PluginError
from imagefinder.registry.pretrained import Model, Part, models
from imagefinder.types import Features, Image, Measure, Resize


@dataclass(frozen=True)
class FromRow:
    """A plug-in made of a row of ``models.toml`` and of the model's file.

    A new one needs the file. One from a recipe is described without it, so that a catalogue can be
    listed anywhere; the file is looked for when there is something to encode.
    """

    model: str
    sha256: str = ""
    """The graph's content, filled in from the file that is here."""
    settings: str = ""
    """A digest of how the row has images fed, filled in likewise."""
    runtime: Literal["auto", "openvino", "onnxruntime"] = field(
        default="auto", metadata={"recipe": False}
    )
    precision: Literal["auto", "f32", "bf16"] = field(default="auto", metadata={"recipe": False})

    def __post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", pinned(self.row).sha256)
        if not self.settings:
            object.__setattr__(self, "settings", _digest(self.row))

    @property
    def dim(self) -> int:
        """As the row says."""
        return self.row.dim

    @property
    def measure(self) -> Measure:
        """As the row says; cosine if it says nothing."""
        return self.row.measure

    @cached_property
    def row(self) -> Model:
        """Raises ModelError if it is gone."""
        return model_named(self.model)

    def graph(self, **changed: Any) -> Onnx:
        """The row's graph, ready to run, with some settings changed.

        Raises ModelError if it or its row are not those that this was made of.
        """
        place = locate(self.row)
        if place.sha256 != self.sha256:
            raise ModelError(
                f"{place.path} is another {self.model} than the one asked for, "
                f"whose SHA-256 is {self.sha256[:16]}…"
            )
        if _digest(self.row) != self.settings:
            raise ModelError(
                f"the row of {self.model} feeds images otherwise than the one asked for: "
                "put its settings back, or make another catalogue"
            )
        how = {"runtime": self.runtime, "precision": self.precision}
        return _opened(self.row, place, {**changed, **how})


@dataclass(frozen=True)
class Pretrained(FromRow):
    """Whole images, and texts where the row has a tower for them."""

    @property
    def resize(self) -> Resize:
        """As the row says."""
        return self.row.resize

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each, as ``Onnx`` gives it. Raises ModelError."""
        return self._images.encode(images) if images else []

    def encode_text(self, texts: Sequence[str]) -> list[Features]:
        """One row each, to be compared with those of images. Raises PluginError if it cannot."""
        return self._texts.encode(texts) if texts else []

    @cached_property
    def _images(self) -> Onnx:
        return self.graph()

    @cached_property
    def _texts(self) -> TextTower:
        text = self.row.text
        if text is None:
            able = ", ".join(model.name for model in models().values() if model.text)
            raise PluginError(f"{self.model} takes no text; these do: {able}")
        graph, tokenizer = (locate(self.row, part).path for part in _TEXT_PARTS)
        return TextTower(text, graph, tokenizer, self.runtime, self.precision)


def check(model: Model, part: Part, path: Path) -> None:
    """Raises ModelError for a file that is not what its row says (a ``library.Check``)."""
    if part == "tokenizer":
        check_tokenizer(path)
    elif part == "text" and model.text is not None:
        check_text(path, model.text)
    else:
        _opened(model, Pin(path, ""), {})


_TEXT_PARTS: tuple[Part, ...] = ("text", "tokenizer")


def _opened(row: Model, place: Pin, changed: Mapping[str, Any]) -> Onnx:
    settings = {**row.settings, "size": list(row.size), **changed}
    graph = Onnx.from_file(place.path, place.sha256, settings)
    if graph.dim != row.dim:
        raise ModelError(
            f"{place.path} gives {graph.dim} numbers, where the row of {row.name} says {row.dim}"
        )
    return graph


def _digest(row: Model) -> str:
    settings = json.dumps(dict(row.settings), sort_keys=True).encode()
    return hashlib.sha256(settings).hexdigest()[:12]
