"""What is left in the folder: the graph, the weights, components, clusters and a catalogue."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as packed
from torch import nn

from imagefinder._utils.atomic import atomic_write
from imagefinder.catalogue.reduction import fit_pca
from imagefinder.encoders.model_store import digest
from imagefinder.encoders.trained import DESCRIPTION, GRAPH, OUTPUT, Trained
from imagefinder.finder import Finder
from imagefinder.images.inputs import Input
from imagefinder.indexes.kmeans import fit_clusters
from imagefinder.similarity import normalized_for
from imagefinder.training.models.encoder import Network
from imagefinder.training.run_directory import CATALOGUE, KMEANS, PCA, PROJECTION, WEIGHTS
from imagefinder.types import Features, Recipe, Report

_OPSET = 17
_SAMPLE = 50_000  # vectors that are enough for components and clusters


def exported(network: Network) -> bytes:
    """The ONNX graph: ``pixels`` (N, 3, size, size) as ``Trained`` feeds them, to unit rows."""
    buffer: Any = BytesIO()
    network = network.cpu().eval()
    network.precise = True  # the graph is to say nothing of this processor
    with warnings.catch_warnings(), torch.no_grad():
        # that this exporter is the older one, which needs no further library, and that it follows
        # one way through what a base checks of shapes
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


def save_projection(network: Network, rows: Features, dim: int, folder: Path) -> None:
    """Let the network end with principal components, fitted to its rows; what was fitted."""
    found = fit_pca(rows, Recipe("trained", {}, network.dim, "cosine"), dim)
    linear = nn.Linear(network.dim, dim)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(found.axes.T))
        linear.bias.copy_(torch.from_numpy(-found.mean @ found.axes))
    network.project = linear.to(next(network.parameters()).device)
    network.dim = dim
    write(folder / PROJECTION, packed({"mean": found.mean, "axes": found.axes}))


def save_network(network: Network, folder: Path) -> Trained:
    """The graph and the weights; gives the encoder."""
    write(folder / GRAPH, exported(network))
    weights = {name: one.numpy().copy() for name, one in network.state_dict().items()}
    write(folder / WEIGHTS, packed(weights))
    return Trained(
        path=str(folder),
        sha256=digest(folder / GRAPH),
        dim=network.dim,
        size=network.size,
        mean=network.mean,
        std=network.std,
    )


def save_catalogue(
    encoder: Trained, images: Iterable[Input], clusters: int, folder: Path, progress: Any
) -> Report:
    """The images, searched through ``kmeans``; its components and clusters are kept beside it."""
    for file in folder.glob(f"{CATALOGUE}*"):  # of a run that was cut short
        file.unlink()
    with Finder.create(folder / CATALOGUE, encoder) as finder:
        report = finder.add(images, progress=progress)
        finder.use_index("kmeans", {"clusters": clusters} if clusters else {})
        every = chain.from_iterable(vectors for _, vectors in finder.store.iter_records())
        rows = np.array(list(islice(every, _SAMPLE)), np.float32).reshape(-1, encoder.dim)
    found = fit_clusters(normalized_for(encoder.measure, rows), clusters=clusters)
    write(folder / PCA, packed({"mean": found.mean, "components": found.components}))
    write(folder / KMEANS, packed({"centres": found.centroids}))
    return report


def save_description(encoder: Trained, about: Mapping[str, Any], folder: Path) -> None:
    """The last file of all: with it the folder is an encoder."""
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
    """In one step. Raises OSError."""
    with atomic_write(file) as unfinished:
        unfinished.write_bytes(content)
