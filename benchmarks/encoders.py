"""Encoders side by side: how soon ready, how fast, and whether both runtimes agree.

    python -m benchmarks.encoders [--images FOLDER] [--model FILE.onnx] [--rounds 5]

The package's encoders, an EfficientNet-Lite, MobileNetV2 (``--model``) and ResNet-50 take turns
on all cores; ratios are taken round by round, and their medians are printed, of wall time and (in
brackets) of CPU time. "torch" is ResNet-50 as it is commonly run: in torch, 32 bits, one image at a
time. All of it is done twice: as this processor is, and limited to AVX2.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks.ingest import OPTIONS, Cost, arguments, measured, processor
from benchmarks.resnet50 import embedded_one_by_one, save_graph
from imagefinder import embed
from imagefinder._utils.concurrency import cores
from imagefinder.encoders.runtimes import computed_in
from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.similarity import unit
from imagefinder.types import Encoder

_OURS = ("compact", "standard", "large", "efficientnet_lite0")
_IN_8_BITS = ("compact", "standard", "efficientnet_lite0")
_FIRST, _TORCH = "compact", "torch"
_IMAGES, _TORCH_IMAGES, _STARTS = 128, 16, 5
_AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
_HEAD = """\
| | ready, s | encoding, images/s | end to end, images/s | × compact | × torch | precision \
| cosine to ONNX Runtime's, mean and least |
|---|---|---|---|---|---|---|---|"""
_START = """
import sys
import numpy as np
from imagefinder.registry.factory import make_encoder
encoder = make_encoder(sys.argv[1])
encoder.encode([np.zeros((encoder.resize.height, encoder.resize.width, 3), np.uint8)])
"""


def main() -> None:
    """Measure, and print."""
    given = arguments(__doc__, _hidden)
    if given.measure:
        _measure(given)
        return
    print(f"{processor()}, {cores()} cores; {_IMAGES} images; medians of {given.rounds} rounds")
    command = [sys.executable, "-m", "benchmarks.encoders", "--measure"]
    command += ["--images", str(given.images), "--model", str(given.model)]
    command += ["--rounds", str(given.rounds)]
    for title, limits in (("as it is", {}), ("limited to AVX2", _AVX2)):
        print(f"\n{title}:\n", flush=True)
        subprocess.run(command, env={**os.environ, **limits}, check=True)


def _hidden(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)


def _measure(given: argparse.Namespace) -> None:
    paths = list(find_images(given.images))
    paths = paths[:: max(1, len(paths) // _IMAGES)][:_IMAGES]
    with TemporaryDirectory() as folder:
        resnet = Path(folder, "resnet50.onnx")
        save_graph(resnet)
        encoders = {name: make_encoder(name) for name in _OURS}
        for name in _IN_8_BITS:
            encoders[f"{name} in 8 bits"] = make_encoder(name, {"precision": "i8"})
        encoders[given.model.stem] = make_encoder(f"onnx:{given.model}", OPTIONS)
        encoders[resnet.stem] = make_encoder(f"onnx:{resnet}")
        files = {name: _rounds_of_files(encoder, paths) for name, encoder in encoders.items()}
        alone = {name: _rounds_of_pixels(encoder, paths) for name, encoder in encoders.items()}
        files[_TORCH] = _rounds_of_torch(paths[:_TORCH_IMAGES])
        whole: dict[str, list[Cost]] = {name: [] for name in files}
        encoded: dict[str, list[Cost]] = {name: [] for name in alone}
        for _ in range(given.rounds):
            for name, run in files.items():
                whole[name].append(run())
                if name in alone:
                    encoded[name].append(alone[name]())
        _print(encoders, encoded, whole, paths)


def _rounds_of_files(encoder: Encoder, paths: Sequence[Path]) -> Callable[[], Cost]:
    embed(paths[:8], encoder)  # compiled
    return lambda: _cost(lambda: embed(paths, encoder), len(paths))


def _rounds_of_pixels(encoder: Encoder, paths: Sequence[Path]) -> Callable[[], Cost]:
    images = [decode(path, encoder.resize).pixels for path in paths]

    def encode() -> None:
        for start in range(0, len(images), 32):
            encoder.encode(images[start : start + 32])

    return lambda: _cost(encode, len(images))


def _rounds_of_torch(paths: Sequence[Path]) -> Callable[[], Cost]:
    def forget(path: Path, embedding: bytes) -> None:
        pass

    embedded_one_by_one(paths[:4], forget)
    return lambda: _cost(lambda: embedded_one_by_one(paths, forget), len(paths))


def _cost(run: Callable[[], object], images: int) -> Cost:
    """Of one image."""
    whole = measured(run)
    return Cost(whole.wall / images, whole.cpu / images)


def _print(
    encoders: dict[str, Encoder],
    encoded: dict[str, list[Cost]],
    whole: dict[str, list[Cost]],
    compared: Sequence[Path],
) -> None:
    print(_HEAD)
    for name, costs in whole.items():
        cells = [f"`{name}`", _ready(name) if name in _OURS else ""]
        cells.append(f"{1 / _middle(encoded[name]).wall:.0f}" if name in encoded else "")
        middle = _middle(costs)
        cells.append(f"{1 / middle.wall:.0f} ({1 / middle.cpu:.0f})")
        cells += [_ratio(costs, whole[_FIRST]), _ratio(costs, whole[_TORCH])]
        cells += _agreement(encoders[name], compared) if name in encoders else ["f32", ""]
        print(f"| {' | '.join(cells)} |", flush=True)


def _ready(name: str) -> str:
    """From the start of a process to its first vector, once the graph is kept."""
    costs = [_started(name) for _ in range(_STARTS + 1)][1:]
    return f"{_middle(costs).wall:.2f} ({_middle(costs).cpu:.2f})"


def _started(name: str) -> Cost:
    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    wall, cpu = perf_counter(), children()
    subprocess.run([sys.executable, "-c", _START, name], check=True)
    return Cost(perf_counter() - wall, children() - cpu)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def _ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> str:
    """How many times as fast as the others, round by round."""
    rounds = list(zip(costs, others, strict=True))
    wall = median(other.wall / cost.wall for cost, other in rounds)
    cpu = median(other.cpu / cost.cpu for cost, other in rounds)
    return f"{wall:.2f} ({cpu:.2f})"


def _agreement(encoder: Encoder, paths: Sequence[Path]) -> list[str]:
    """The precision of OpenVINO, and how near its vectors are to those of ONNX Runtime."""
    other: Encoder = replace(encoder, runtime="onnxruntime")  # type: ignore[type-var]
    rows, others = (unit(embed(paths, one)) for one in (encoder, other))
    cosines = np.sum(rows * others, axis=1)
    said = computed_in(recipe_of(encoder).runtime)
    return [str(said), f"{cosines.mean():.4f}, {cosines.min():.4f}"]


if __name__ == "__main__":
    main()
