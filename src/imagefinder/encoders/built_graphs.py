"""Graphs built from published weights: an architecture of ours, filled from a state dict.

A graph is built once and kept in the library, with its SHA-256.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.text import one_line
from imagefinder.encoders.efficientnet_lite import DIM, OUTPUT, VARIANTS, build
from imagefinder.encoders.model_store import PinnedFile, keep, kept
from imagefinder.encoders.onnx_graph import Graph, Tensor
from imagefinder.encoders.torch_files.state_dict import read_state_dict
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import PretrainedModel

_REVISION = 1  # raised when other bytes are built from the same weights
_FILE = "built.onnx"


def built_graph(model: PretrainedModel, weights: PinnedFile) -> PinnedFile:
    """The graph of a model that has an architecture. Raises ModelError."""
    key = f"{model.architecture} {_REVISION} with {weights.sha256}"
    found = kept(model, key)
    if found is not None:
        return found
    tensors = read_state_dict(weights.path, weights.sha256)
    try:
        content = build(VARIANTS[model.architecture], tensors)
    except ValueError as error:
        raise ModelError(f"{weights.path} is not of {model.name}: {one_line(error)}") from error
    try:
        return keep(model, key, _FILE, content)
    except ModelError:  # the library is read-only, or its disk is full
        return _keep_while_running(content)


def declared(model: PretrainedModel) -> Graph | None:
    """What the graph of a model declares, if its embedding is the one that is built."""
    if not model.architecture or model.settings.get("output") != OUTPUT:
        return None
    side = VARIANTS[model.architecture].size
    embedding = Tensor(OUTPUT, (-1, DIM), classifies=False)
    return Graph(model.name, (side, side), "NCHW", False, (embedding,), (), {})


def _keep_while_running(content: bytes) -> PinnedFile:
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        file = Path(_folder().name, f"{sha256[:16]}.onnx")
        if not file.exists():  # it may be in use
            with atomic_write(file) as unfinished:
                unfinished.write_bytes(content)
    except OSError as error:
        raise ModelError(
            f"there is no place for a graph of {len(content) >> 20} MiB ({one_line(error)}): "
            "set IMAGEFINDER_HOME to a folder that can be written"
        ) from error
    return PinnedFile(file, sha256)


@cache
def _folder() -> TemporaryDirectory[str]:
    """Removed when the program ends."""
    return TemporaryDirectory(prefix="imagefinder-")
