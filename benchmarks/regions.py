"""Things inside images: scenes found by an object pasted into them, with regions and without.

    python -m benchmarks.regions [--objects 60] [--scenes 300] [--data FOLDER]

Objects are the middles of clothing and grocery photographs, pasted at 10 to 40 % of the shorter
side into other photographs. The query is another crop of the object's photograph, and its target
the scene among all scenes and plain photographs. Prints recall@1, MRR, the mean IoU of the regions
of those found first with the true boxes, bytes and ms an image, and ms a search for 10 hits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import numpy as np
import PIL.Image

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.decode import load_image
from imagefinder.types import Box, Image

_SEED = 15
_SHARES = (0.1, 0.4)  # of the shorter side
_SIDE = 640  # of scenes, the longer one


class Pasted(NamedTuple):
    """A scene with an object in it, and a query for it."""

    scene: Image
    box: Box
    share: float
    query: Image


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=60)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--data", type=Path, default=assets() / "data")
    given = parser.parse_args()
    rng = np.random.default_rng(_SEED)
    paths = [path for name in ("clothing", "grocery") for path in images_of(given.data, name)]
    drawn = [paths[one] for one in rng.permutation(len(paths))[: given.objects + given.scenes]]
    objects, scenes = drawn[: given.objects], drawn[given.objects :]
    pasted = [
        _pasted(_opened(one), _opened(scene), rng)
        for one, scene in zip(objects, scenes, strict=False)
    ]
    others = [np.asarray(_opened(path)) for path in scenes[len(pasted) :]]
    print(f"{processor()}, {cores()} cores; {len(pasted)} objects, {len(scenes)} scenes\n")
    print("| regions | R@1 | R@1 below 25 % | MRR | IoU | bytes/image | add, ms | search, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for regions in (None, 2, 3):
        print(_line(regions, pasted, others))


def _opened(path: Path) -> PIL.Image.Image:
    image = PIL.Image.fromarray(load_image(path))
    image.thumbnail((_SIDE, _SIDE))
    return image


def _pasted(thing: PIL.Image.Image, scene: PIL.Image.Image, rng: np.random.Generator) -> Pasted:
    share = float(rng.uniform(*_SHARES))
    side = round(share * min(scene.size))
    left, top = (int(rng.integers(length - side + 1)) for length in scene.size)
    scene.paste(_crop(thing, 0.15).resize((side, side)), (left, top))
    return Pasted(np.asarray(scene), (left, top, side, side), share, np.asarray(_crop(thing, 0.1)))


def _crop(image: PIL.Image.Image, margin: float) -> PIL.Image.Image:
    wide, high = image.size
    left, top = round(margin * wide), round(margin * high)
    return image.crop((left, top, wide - left, high - top))


def _line(regions: int | None, pasted: Sequence[Pasted], others: Sequence[Image]) -> str:
    images = [*(one.scene for one in pasted), *others]
    with TemporaryDirectory() as folder:
        with Finder.create(Path(folder) / "scenes.db", regions=regions) as finder:
            finder.search(images[0])  # loads the model
            began = perf_counter()
            finder.add(images)
            add = 1000 * (perf_counter() - began) / len(images)
            ids = [finder.search(one.scene, k=1)[0].id for one in pasted]
            began = perf_counter()
            for one in pasted:
                finder.search(one.query, k=10)
            search = 1000 * (perf_counter() - began) / len(pasted)
            found = [finder.search(one.query, k=len(images)) for one in pasted]
            vectors = finder.statistics().vectors * finder.encoder.dim * 4 / len(finder)
        ranks = [
            next(hit.rank for hit in hits if hit.id == own)
            for hits, own in zip(found, ids, strict=True)
        ]
        first = np.array(ranks) == 1
        small = np.array([one.share < 0.25 for one in pasted])
        overlaps = [
            _iou(hits[0].region or _whole(one.scene), one.box)
            for hits, one, is_first in zip(found, pasted, first, strict=True)
            if is_first
        ]
    iou = float(np.mean(overlaps)) if overlaps else 0.0
    numbers = f"{first.mean():.3f} | {first[small].mean():.3f} | {np.mean(1 / np.array(ranks)):.3f}"
    costs = f"{vectors:,.0f} | {add:.1f} | {search:.1f}"
    return f"| {regions or 'none'} | {numbers} | {iou:.2f} | {costs} |"


def _whole(image: Image) -> Box:
    return 0, 0, image.shape[1], image.shape[0]


def _iou(one: Box, other: Box) -> float:
    """Intersection over union."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(0, wide) * max(0, high)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


if __name__ == "__main__":
    main()
