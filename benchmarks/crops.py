"""Embeddings of random crops of photographs: many realistic vectors from few images.

    python -m benchmarks.crops FOLDER [--per-image 35]

Each clothing and grocery photograph gives crops of 20 to 100 % of its area, every other one
flipped. ``compact-320.npy`` holds their embeddings by the default encoder; ``joined-2048.npy``
those of MobileNetV2, SqueezeNet and the default encoder, each L2-normalized, concatenated and
truncated to 2,048 dimensions. The order is shuffled, the same in both. Existing files are reused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from benchmarks.ingest import OPTIONS
from benchmarks.retrieval import assets, images_of
from imagefinder._utils.concurrency import batched, cores
from imagefinder.images.decode import decode, load_image
from imagefinder.registry.factory import make_encoder
from imagefinder.similarity import unit
from imagefinder.types import Encoder, Image

_SEED = 7
_IMAGES = 32  # whose crops are in memory at a time
_WIDE = 2048

Rows = NDArray[np.float32]


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-image", type=int, default=35)
    given = parser.parse_args()
    make(given.folder, given.per_image)


def make(folder: Path, per_image: int = 35) -> None:
    """Create both files unless they exist."""
    narrow, wide = folder / "compact-320.npy", folder / "joined-2048.npy"
    if narrow.exists() and wide.exists():
        return
    data, models = assets() / "data", assets() / "models"
    images = [*images_of(data, "clothing"), *images_of(data, "grocery")]
    encoders = [
        make_encoder(f"onnx:{models / 'mobilenet_v2_ptq.onnx'}", OPTIONS),
        make_encoder(f"onnx:{models / 'squeezenet1.1.onnx'}", {"output": "embedding"}),
        make_encoder("compact"),
    ]
    *others, compact = (
        np.concatenate(rows) for rows in zip(*_rows(images, encoders, per_image), strict=True)
    )
    order = np.random.default_rng(_SEED).permutation(len(compact))
    folder.mkdir(parents=True, exist_ok=True)
    np.save(narrow, compact[order])
    joined = np.hstack([unit(rows) for rows in (*others, compact)])
    np.save(wide, joined[order, :_WIDE])


def _rows(
    images: Sequence[Path], encoders: Sequence[Encoder], per_image: int
) -> Iterator[list[Rows]]:
    """For a batch of images at a time, the embeddings of their crops by each encoder."""
    with ThreadPoolExecutor(cores()) as threads:
        for some in batched(enumerate(images), _IMAGES):
            crops = [
                crop
                for cut in threads.map(lambda pair: _crops(pair[1], pair[0], per_image), some)
                for crop in cut
            ]
            yield [np.concatenate(_encoded(encoder, crops, threads)) for encoder in encoders]


def _encoded(
    encoder: Encoder, crops: Sequence[PIL.Image.Image], threads: ThreadPoolExecutor
) -> list[Rows]:
    def resized(crop: PIL.Image.Image) -> Image:
        return decode(crop, encoder.resize).pixels

    return encoder.encode(list(threads.map(resized, crops)))


def _crops(path: Path, number: int, count: int) -> list[PIL.Image.Image]:
    rng = np.random.default_rng([_SEED, number])
    image = PIL.Image.fromarray(load_image(path))
    cut = []
    for i in range(count):
        share = np.sqrt(rng.uniform(0.2, 1.0))
        width, height = (max(1, round(side * share)) for side in image.size)
        left = int(rng.integers(image.width - width + 1))
        top = int(rng.integers(image.height - height + 1))
        crop = image.crop((left, top, left + width, top + height))
        cut.append(crop.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 else crop)
    return cut


if __name__ == "__main__":
    main()
