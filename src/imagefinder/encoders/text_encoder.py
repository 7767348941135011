"""Text encoder of a vision-language model: a tokenizer and an ONNX graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.extras import optional_import
from imagefinder.encoders.precision import compile_graph
from imagefinder.encoders.runtimes import (
    onnx_part,
    onnxruntime,
    openvino,
    part_of,
    read_model,
)
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import TextModel
from imagefinder.types import Features

_INPUTS = {"input_ids", "attention_mask"}


class TextTower:
    """The text tower, run on the CPU by OpenVINO, or by ONNX Runtime on request."""

    def __init__(
        self, text: TextModel, graph: Path, tokenizer: Path, runtime: str, precision: str
    ) -> None:
        self._text, self._graph, self._tokens = text, graph, tokenizer
        self._runtime, self._precision = runtime, precision

    def encode(self, texts: Sequence[str]) -> list[Features]:
        """One row of float32 each, not normalized."""
        # one by one: a row must not depend on its neighbors, and texts are few and short
        return [self._run(self._tokenized(text)).reshape(1, -1) for text in texts]

    def _tokenized(self, text: str) -> Mapping[str, NDArray[np.int64]]:
        tokens = self._tokenizer.encode(text)
        return {
            "input_ids": np.array([tokens.ids], np.int64),
            "attention_mask": np.array([tokens.attention_mask], np.int64),
        }

    def _run(self, tokens: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        if self._runtime == "onnxruntime":
            given = {one.name: tokens[one.name] for one in self._session.get_inputs()}
            return np.asarray(self._session.run([self._text.output], given)[0], np.float32)
        request = self._compiled.create_infer_request()
        request.infer({name: tokens[name] for name in map(_name, self._compiled.inputs)})
        return np.array(request.get_output_tensor(0).data, np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        library = optional_import("tokenizers", "hub", "text search")
        try:
            tokenizer = library.Tokenizer.from_file(str(self._tokens))
        except Exception as error:  # it raises nothing narrower
            raise ModelError(f"{self._tokens} is not a tokenizer: {error}") from error
        pad, context = self._text.pad, self._text.context
        number = tokenizer.token_to_id(pad)
        if number is None:
            raise ModelError(f"{self._tokens} has no token {pad!r} for padding")
        tokenizer.enable_truncation(context)
        tokenizer.enable_padding(length=context, pad_id=number, pad_token=pad)
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        library = onnxruntime()
        part = onnx_part(str(self._graph), self._text.output)
        return library.InferenceSession(part, providers=["CPUExecutionProvider"])

    @cached_property
    def _compiled(self) -> Any:
        ov = openvino()
        graph = part_of(read_model(self._graph), self._text.output)
        return compile_graph(ov, graph, self._precision, {})


def check_text(path: Path, text: TextModel) -> None:
    """Raises ModelError for a graph that does not take tokens, or lacks the output."""
    graph = part_of(read_model(path), text.output)
    inputs = {_name(one) for one in graph.inputs}
    if "input_ids" not in inputs or not inputs <= _INPUTS:
        raise ModelError(f"{path} takes {', '.join(sorted(inputs))}, not tokens")


def check_tokenizer(path: Path) -> None:
    """Raises ModelError for a file that is not a tokenizer."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not a tokenizer in JSON") from error
    if not isinstance(known, dict) or "model" not in known:
        raise ModelError(f"{path} is not a tokenizer in JSON")


def _name(port: Any) -> str:
    """An input's own name; a reshaped one also has the name of the reshaped tensor."""
    names: set[str] = port.get_names()
    return min(names & _INPUTS or names)
