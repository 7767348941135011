"""Pretrained encoders by name: a row of the model table, run as an ONNX encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from imagefinder.encoders.built_graphs import built_graph, declared
from imagefinder.encoders.model_store import PinnedFile, digest, find_model, locate, pinned
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.precision import Precision
from imagefinder.encoders.runtimes import RuntimeName
from imagefinder.encoders.text_encoder import TextTower, check_text, check_tokenizer
from imagefinder.errors import ModelError, PluginError
from imagefinder.registry.pretrained import ModelPart, PretrainedModel, models
from imagefinder.types import Features, Image, Measure, Resize


@dataclass(frozen=True)
class PretrainedGraph:
    """A plug-in made from a row of ``models.toml`` and the model's file.

    A new one needs the file. One from a recipe does without it, so that a catalogue can be opened
    anywhere; the file is needed once there is something to encode.
    """

    model: str
    sha256: str = ""
    """Of the graph, or of the weights of which it is built; filled in from the installed file."""
    settings: str = ""
    """A digest of the row's preprocessing settings; filled in too."""
    runtime: RuntimeName = field(default="auto", metadata={"recipe": False})
    precision: Precision = field(default="auto", metadata={"recipe": False})

    def __post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", pinned(self.row).sha256)
        if not self.settings:
            object.__setattr__(self, "settings", _digest(self.row))

    @property
    def dim(self) -> int:
        """As given in the row."""
        return self.row.dim

    @property
    def measure(self) -> Measure:
        """As given in the row; cosine by default."""
        return self.row.measure

    @cached_property
    def row(self) -> PretrainedModel:
        """Raises ModelError if it no longer exists."""
        return find_model(self.model)

    def graph(self, **changed: Any) -> Onnx:
        """The graph, ready to run, with some settings changed.

        Raises ModelError if the file or the row has changed since this was made.
        """
        pin = locate(self.row)
        if pin.sha256 != self.sha256:
            raise ModelError(
                f"{pin.path} is not the model {self.model!r} of the recipe, "
                f"whose SHA-256 is {self.sha256[:16]}…"
            )
        if _digest(self.row) != self.settings:
            raise ModelError(
                f"the settings of {self.model} differ from those of the recipe: "
                "restore them, or create another catalogue"
            )
        how = {"runtime": self.runtime, "precision": self.precision}
        return _load(self.row, pin, {**changed, **how})


@dataclass(frozen=True)
class Pretrained(PretrainedGraph):
    """A global image encoder, and a text encoder where the model has one."""

    @property
    def resize(self) -> Resize:
        """As given in the row."""
        return self.row.resize

    def encode(self, images: Sequence[Image]) -> list[Features]:
        """One row of ``dim`` float32 each, as ``Onnx`` gives it. Raises ModelError."""
        return self._images.encode(images) if images else []

    def encode_text(self, texts: Sequence[str]) -> list[Features]:
        """One row each, comparable with images' rows. Raises PluginError without a text encoder."""
        return self._texts.encode(texts) if texts else []

    @cached_property
    def _images(self) -> Onnx:
        return self.graph()

    @cached_property
    def _texts(self) -> TextTower:
        text = self.row.text
        if text is None:
            able = ", ".join(model.name for model in models().values() if model.text)
            raise PluginError(f"{self.model} has no text encoder; these have: {able}")
        graph, tokenizer = (locate(self.row, part).path for part in _TEXT_PARTS)
        return TextTower(text, graph, tokenizer, self.runtime, self.precision)


def check(model: PretrainedModel, part: ModelPart, path: Path) -> None:
    """Raises ModelError for a file that does not fit its row (a ``model_store.Check``)."""
    if part == "tokenizer":
        check_tokenizer(path)
    elif part == "text" and model.text is not None:
        check_text(path, model.text)
    else:
        _load(model, PinnedFile(path, digest(path)), {})


_TEXT_PARTS: tuple[ModelPart, ...] = ("text", "tokenizer")


def _load(row: PretrainedModel, pin: PinnedFile, changed: Mapping[str, Any]) -> Onnx:
    settings = {**row.settings, "size": list(row.size), **changed}
    file = built_graph(row, pin) if row.architecture else pin
    graph = Onnx.from_file(file.path, file.sha256, settings, declared(row))
    if graph.dim != row.dim:
        raise ModelError(
            f"{pin.path} gives {graph.dim} dimensions, not {row.dim} as in the row of {row.name}"
        )
    return graph


def _digest(row: PretrainedModel) -> str:
    settings = json.dumps(dict(row.settings), sort_keys=True).encode()
    return hashlib.sha256(settings).hexdigest()[:12]
