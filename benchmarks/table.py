"""All available encoders in one table: size, speed and retrieval quality.

    python -m benchmarks.table [--encoder SPEC ...] [--data FOLDER] [--models FOLDER]

All registered encoders whose models are present, the ONNX graphs of ``--models``, and SIFT
aggregated by VLAD: dimensions, bytes per image, images per second (decoded and encoded, on all
cores), and leave-one-out mean average precision and recall at 1 on both collections. An image's
folder is its class.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest import OPTIONS, processor
from benchmarks.retrieval import assets, images_of
from imagefinder import embed
from imagefinder._utils.concurrency import cores
from imagefinder.errors import PluginError
from imagefinder.evaluation.embedding_metrics import leave_one_out
from imagefinder.images.decode import decode
from imagefinder.local_features.codec import pack
from imagefinder.local_features.vlad import fit_codebook
from imagefinder.registry.factory import make_encoder, make_extractor
from imagefinder.registry.plugins import plugins
from imagefinder.types import LocalFeatures

Rows = NDArray[np.float32]

_FED: dict[str, dict[str, Any]] = {
    "mobilenet_v2_": OPTIONS,
    "squeezenet_fp16_batch1": {
        "output": "fire9/concat_2",
        "channels": "BGR",
        "scale": 1,
        "mean": [104, 117, 123],
        "std": 1,
    },
}
_COLLECTIONS = ("clothing", "grocery")


class Line(NamedTuple):
    """The measurements of one encoder."""

    rows: Rows
    dim: int
    bytes_each: float
    seconds: float


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    paths = {name: images_of(given.data, name) for name in _COLLECTIONS}
    every = [path for name in _COLLECTIONS for path in paths[name]]
    counts = ", ".join(f"{len(paths[name])} {name}" for name in _COLLECTIONS)
    print(f"{processor()}, {cores()} cores; {counts}\n")
    print("| encoder | dim | bytes per image | images/s | clothing mAP / R@1 | grocery mAP / R@1 |")
    print("|---|---|---|---|---|---|")
    for name, line in _measured(given.encoder or _available(given.models), every):
        split = len(paths["clothing"])
        found = (
            leave_one_out(rows, [path.parent.name for path in paths[collection]])
            for collection, rows in zip(
                _COLLECTIONS, (line.rows[:split], line.rows[split:]), strict=True
            )
        )
        metrics = " | ".join(f"{map_:.3f} / {recall:.3f}" for map_, recall in found)
        speed = len(every) / line.seconds
        print(f"| `{name}` | {line.dim} | {line.bytes_each:,.0f} | {speed:,.0f} | {metrics} |")


def _available(models: Path) -> list[str]:
    named = [name for name, plugin in plugins("encoders").items() if not plugin.argument]
    graphs = [f"onnx:{path}" for path in sorted(models.glob("*.onnx"))]
    return [*named, *graphs, "sift"]


def _measured(specs: Sequence[str], paths: Sequence[Path]) -> Iterator[tuple[str, Line]]:
    for spec in specs:
        name = f"onnx:{Path(spec).name}" if spec.startswith("onnx:") else spec
        try:
            yield name, _aggregated(paths) if spec == "sift" else _encoded(spec, paths)
        except PluginError as error:
            reason = str(error).partition(":")[0].replace(f"{Path(spec).parent}/", "")
            print(f"| `{name}` | not measured: {reason} |")


def _encoded(spec: str, paths: Sequence[Path]) -> Line:
    encoder = make_encoder(spec, next((_FED[name] for name in _FED if name in spec), None))
    embed(paths[:8], encoder)  # loads the model
    began = perf_counter()
    rows = embed(paths, encoder)
    seconds = perf_counter() - began
    # bits as -1 and 1: the cosine of such rows ranks as the Hamming distance does
    compared = np.unpackbits(rows, axis=1) * 2.0 - 1 if encoder.measure == "hamming" else rows
    return Line(compared.astype(np.float32), encoder.dim, rows[0].nbytes, seconds)


def _aggregated(paths: Sequence[Path]) -> Line:
    extractor = make_extractor("sift")

    def extracted(path: Path) -> LocalFeatures:
        return extractor.extract([decode(path, extractor.resize).pixels])[0]

    began = perf_counter()
    with ThreadPoolExecutor(cores()) as threads:
        every = list(threads.map(extracted, paths))
    seconds = perf_counter() - began
    sample = np.concatenate([local.descriptors for local in every[:: max(1, len(every) // 256)]])
    codebook = fit_codebook(sample)
    rows = np.concatenate([codebook.vector(local.descriptors) for local in every])
    return Line(rows, extractor.dim, float(np.mean([len(pack(local)) for local in every])), seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--encoder", action="append", help="only these encoders, named as for `add`"
    )
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--models", type=Path, default=assets() / "models")
    return parser.parse_args()


if __name__ == "__main__":
    main()
