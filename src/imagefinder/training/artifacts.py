"""Artifacts of a run: ONNX export, weights, PCA projection, k-means clusters and a catalogue."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save as to_safetensors
from torch import nn

from imagefinder._utils.atomic import atomic_write
from imagefinder.catalogue.reduction import fit_pca, sample_vectors
from imagefinder.encoders.model_store import digest
from imagefinder.encoders.trained import DESCRIPTION, GRAPH, OUTPUT, Trained
from imagefinder.finder import Finder
from imagefinder.images.inputs import Input
from imagefinder.indexes.kmeans import fit_clusters
from imagefinder.similarity import normalized_for
from imagefinder.training.models.encoder import Network
from imagefinder.training.run_directory import (
    CATALOGUE,
    CATALOGUE_FILES,
    KMEANS,
    PCA,
    PROJECTION,
    WEIGHTS,
)
from imagefinder.types import Features, Recipe, Report

_OPSET = 17
_SAMPLE = 50_000  # vectors that suffice for PCA and k-means


def to_onnx(network: Network) -> bytes:
    """The ONNX graph: ``pixels`` (N, 3, size, size) as ``Trained`` feeds them, to unit rows."""
    buffer: Any = BytesIO()
    network = network.cpu().eval()
    network.full_precision = True  # the graph must not depend on this processor
    with warnings.catch_warnings(), torch.no_grad():
        # this exporter is deprecated, but the new one needs a further library; and a trace
        # follows one path through the shape checks of a base model
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, network.size, network.size),),
            buffer,
            input_names=["pixels"],
            output_names=[OUTPUT],
            dynamic_axes={"pixels": {0: "N"}, OUTPUT: {0: "N"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    content: bytes = buffer.getvalue()
    return content


def add_projection(network: Network, rows: Features, dim: int, folder: Path) -> None:
    """Append a PCA projection to ``dim``, fit to these embeddings of the network, and save it."""
    projection = fit_pca(rows, Recipe("trained", {}, network.dim, "cosine"), dim)
    linear = nn.Linear(network.dim, dim)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(projection.axes.T))
        linear.bias.copy_(torch.from_numpy(-projection.mean @ projection.axes))
    network.project = linear.to(next(network.parameters()).device)
    network.dim = dim
    arrays = {"mean": projection.mean, "axes": projection.axes}
    write(folder / PROJECTION, to_safetensors(arrays))


def save_network(network: Network, folder: Path) -> Trained:
    """Write the graph and the weights; returns the encoder."""
    write(folder / GRAPH, to_onnx(network))
    weights = {name: one.numpy().copy() for name, one in network.state_dict().items()}
    write(folder / WEIGHTS, to_safetensors(weights))
    return Trained(
        path=str(folder),
        sha256=digest(folder / GRAPH),
        dim=network.dim,
        size=network.size,
        mean=network.mean,
        std=network.std,
    )


def save_catalogue(
    encoder: Trained, images: Iterable[Input], clusters: int | None, folder: Path, progress: Any
) -> Report:
    """A catalogue of the images with a ``kmeans`` index; its PCA and centers are saved beside."""
    for name in CATALOGUE_FILES:  # of an interrupted run
        (folder / name).unlink(missing_ok=True)
    with Finder.create(folder / CATALOGUE, encoder) as finder:
        report = finder.add(images, progress=progress)
        finder.use_index("kmeans", {"clusters": clusters} if clusters else {})
        rows = sample_vectors(finder.store, _SAMPLE)
    found = fit_clusters(normalized_for(encoder.measure, rows), clusters=clusters or 0)
    write(folder / PCA, to_safetensors({"mean": found.mean, "components": found.components}))
    write(folder / KMEANS, to_safetensors({"centres": found.centroids}))
    return report


def save_description(encoder: Trained, about: Mapping[str, Any], folder: Path) -> None:
    """Written last: with it the folder is an encoder."""
    names = (GRAPH, WEIGHTS, PCA, KMEANS, PROJECTION)
    described = {
        **about,
        "dim": encoder.dim,
        "size": encoder.size,
        "mean": list(encoder.mean),
        "std": list(encoder.std),
        "fed": "RGB, stretched to size × size, each channel (pixel / 255 - mean) / std",
        "files": {one: digest(folder / one) for one in names if (folder / one).exists()},
    }
    text = json.dumps(described, ensure_ascii=False, indent=2, allow_nan=False)
    write(folder / DESCRIPTION, text.encode("utf-8", "backslashreplace"))


def write(file: Path, content: bytes) -> None:
    """Atomically. Raises OSError."""
    with atomic_write(file) as unfinished:
        unfinished.write_bytes(content)
