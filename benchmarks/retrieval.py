"""Retrieval quality of encoders: leave-one-out mAP and recall@1, and near-duplicate retrieval.

    python -m benchmarks.retrieval [--encoder SPEC ...] [--data FOLDER] [--center]

The folder holds ``clothing/test`` and ``grocery/test``; an image's folder is its class. Leave-one-
out with cosine: mean average precision and recall at 1. Copies: each clothing image, modified in
twelve ways, must find its original first among all images of both collections. ``--center``
subtracts the mean embedding, as is usual for encoders whose embeddings are not centered.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from benchmarks.ingest import OPTIONS, processor
from imagefinder import embed
from imagefinder.evaluation.embedding_metrics import leave_one_out, own_original_first
from imagefinder.images.transforms import COPIES
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder
from imagefinder.registry.plugins import DEFAULT_ENCODER
from imagefinder.types import Encoder

Rows = NDArray[np.float32]


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    clothing, grocery = (images_of(given.data, name) for name in ("clothing", "grocery"))
    print(f"{processor()}; {len(clothing)} clothing, {len(grocery)} grocery")
    for spec in given.encoder or [DEFAULT_ENCODER]:
        encoder = make_encoder(spec, OPTIONS if "mobilenet_v2_" in spec else None)
        print(f"\n{spec}")
        _print_metrics(encoder, clothing, grocery, given.center)


def assets() -> Path:
    """The folder that holds ``data/`` and ``models/``."""
    return Path(os.environ.get("IMAGEFINDER_TEST_ASSETS", "."))


def images_of(data: Path, name: str) -> list[Path]:
    """The test images of a collection; exits if there are none."""
    found = list(find_images(data / name / "test"))
    if not found:
        sys.exit("give --data, or set IMAGEFINDER_TEST_ASSETS to the folder that holds data/")
    return found


def _print_metrics(
    encoder: Encoder, clothing: Sequence[Path], grocery: Sequence[Path], center: bool
) -> None:
    own, others = embed(clothing, encoder), embed(grocery, encoder)
    for name, rows, paths in (("clothing", own, clothing), ("grocery", others, grocery)):
        mean = rows.mean(axis=0) if center else 0
        found = leave_one_out(rows - mean, [path.parent.name for path in paths])
        print(f"{name:<24} mAP {found.mean_average_precision:.3f}  R@1 {found.recall_at_1:.3f}")
    originals = np.concatenate([own, others])
    mean = originals.mean(axis=0) if center else 0
    shares = {}
    for name, change in COPIES.items():
        copies = embed(map(_copier(change), clothing), encoder)
        own_numbers = range(len(clothing))
        shares[name] = own_original_first(copies - mean, originals - mean, own_numbers)
        print(f"  {name:<22} {shares[name]:.3f}")
    print(f"{'copies':<24} {np.mean(list(shares.values())):.3f}")


def _copier(
    change: Callable[[PIL.Image.Image], PIL.Image.Image],
) -> Callable[[Path], PIL.Image.Image]:
    def copy(path: Path) -> PIL.Image.Image:
        with PIL.Image.open(path) as image:
            return change(image.convert("RGB"))

    return copy


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", action="append", help="named as for `imagefinder add`")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--center", "--centre", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
