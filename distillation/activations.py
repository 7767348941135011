"""Measure what goes into the pointwise convolutions of networks, for computing them in 8 bits.

    python -m distillation.activations distillation/joined.toml --images FOLDER [--network NAME ...]

The views are those that joint projections are fitted to, half of them modified; no labels, and no
image that anything is measured by. Writes a file for each beside the weights, named by the SHA-256
of its graph.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distillation.config import read_toml
from distillation.joined import Config
from distillation.views import Views
from PIL import Image

from imagefinder.encoders import compact
from imagefinder.encoders.eight_bits import FOLDER, Activations, file_name, pointwise
from imagefinder.encoders.onnx import Onnx
from imagefinder.encoders.precision import HINT
from imagefinder.encoders.pretrained import Pretrained
from imagefinder.encoders.runtimes import openvino, prepared
from imagefinder.errors import ImageFinderError
from imagefinder.images.decode import resized
from imagefinder.types import Image as Pixels
from imagefinder.types import Resize

NETWORKS = ("compact", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
_SEED, _COUNT = 77, 300
_MODIFIED = 0.5


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 after a line that says what is wrong."""
    options = _options(arguments)
    try:
        views = list(_views(read_toml(options.config, Config), options.images))
        for name in options.network or NETWORKS:
            graph = network(name)
            data = measured(graph, views).to_bytes()
            file = options.output / file_name(name, graph.sha256)
            file.write_bytes(data)
            print(f"{len(data)} bytes: {file}")
    except ImageFinderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def network(name: str) -> Onnx:
    """Its graph."""
    return compact.Compact().graph if name == "compact" else Pretrained(name).graph()


def measured(graph: Onnx, views: Iterable[Pixels]) -> Activations:
    """Over all views, which are stretched to what the graph takes.

    The first that no activation function limits is left out, and stays in 32 bits: most of its
    inputs are near 0 and a few 50 times as large, and all further layers depend on it.
    """
    ov = openvino()
    model = prepared(replace(graph.spec, precision="f32"))
    nodes = pointwise(model)
    names = [node.get_friendly_name() for node in nodes]
    inputs = ov.Model([node.input_value(0) for node in nodes], model.get_parameters(), "inputs")
    run = ov.Core().compile_model(inputs, "CPU", {HINT: "f32"})
    size = Resize(*graph.size)
    found = [_about(run(np.asarray(resized(Image.fromarray(one), size))[None])) for one in views]
    lows, highs, means = (list(zip(*part, strict=True)) for part in zip(*found, strict=True))
    ranges = [(min(low), max(high)) for low, high in zip(lows, highs, strict=True)]
    spread = next(i for i, (low, _) in enumerate(ranges) if low < 0)
    kept = [i for i in range(len(names)) if i != spread]
    return Activations(
        graph.sha256,
        {names[i]: ranges[i] for i in kept},
        {names[i]: np.mean(means[i], axis=0) for i in kept},
    )


def _about(outputs: Any) -> tuple[list[float], list[float], list[Any]]:
    """Of each tensor (1, channels, height, width): least, largest, and mean by channel."""
    tensors = list(outputs.values())
    return (
        [float(one.min()) for one in tensors],
        [float(one.max()) for one in tensors],
        [one.mean(axis=(0, 2, 3)) for one in tensors],
    )


def _views(config: Config, images: Path) -> Iterator[Pixels]:
    given = config.views
    modified = {name: chance * _MODIFIED for name, chance in given.augmentations.items()}
    sources = tuple(config.sources)
    yield from Views(images, sources, given.size, _SEED, modified, mosaics=0.0).make(range(_COUNT))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m distillation.activations",
        description="Measure the inputs of pointwise convolutions, for computing them in 8 bits.",
    )
    path = partial(parser.add_argument, type=Path)
    path("config", help="the TOML file with the sources and views")
    path("--images", required=True, help="the folder with the sources' folders")
    path("--output", default=FOLDER, help="the folder to write to")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="not all of them")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
