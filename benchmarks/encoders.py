"""Encoding speed of the package's own encoder compared with MobileNetV2, and time to load.

    python -m benchmarks.encoders [--images FOLDER] [--model FILE.onnx] [--rounds 5]

Encoding alone, on all cores, both in turn within one run; the ratios are taken per round.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.ingest import OPTIONS, arguments, processor
from imagefinder._utils.concurrency import cores
from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder
from imagefinder.registry.plugins import DEFAULT_ENCODER
from imagefinder.types import Encoder, Image

_IMAGES = 512


def main() -> None:
    """Measure, and print."""
    given = arguments(__doc__)
    print(f"{processor()}, {cores()} cores; {_IMAGES} images")
    specs = (DEFAULT_ENCODER, f"onnx:{given.model}")
    paths = list(find_images(given.images))[:_IMAGES]
    rates: dict[str, list[float]] = {spec: [] for spec in specs}
    for _ in range(given.rounds):
        for spec in specs:
            encoder = make_encoder(spec, OPTIONS if spec.startswith("onnx") else None)
            images = [decode(path, encoder.resize).pixels for path in paths]
            ready = _seconds(encoder, [np.zeros_like(images[0])])
            rates[spec].append(len(images) / _seconds(encoder, images))
            print(f"{spec:<12.60} ready in {ready * 1000:4.0f} ms, {rates[spec][-1]:6.0f}/s")
    ours, theirs = rates.values()
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"{DEFAULT_ENCODER} / {given.model.stem}: {median(ratios):.2f}")


def _seconds(encoder: Encoder, images: Sequence[Image]) -> float:
    began = perf_counter()
    for start in range(0, len(images), 32):
        encoder.encode(images[start : start + 32])
    return perf_counter() - began


if __name__ == "__main__":
    main()
