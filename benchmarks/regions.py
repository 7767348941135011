"""Things inside images: scenes found by an object pasted into them, with regions and without.

    python -m benchmarks.regions [--objects 60] [--scenes 300] [--data FOLDER]

Objects are the middles of clothing and grocery photographs, pasted in their proportions into other
photographs, their longer side 10 to 40 % of the shorter side of the scene. The query is another
crop of the object's photograph, and its target the scene among all scenes and plain photographs.
Prints recall@1 and @5, MRR, the mean IoU of the region of the target's hit (whatever its rank; that
of the whole image without regions) with the true box, bytes and ms an image, and ms a search for 10
hits.
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
from imagefinder.types import Box, Hit, Image

_SEED = 15
_SHARES = (0.1, 0.4)  # of the shorter side
_SIDE = 640  # of scenes, the longer one
_COLUMNS = ("regions", "R@1", "R@5", "MRR", "IoU", "bytes/image", "add, ms", "search, ms")


class Pasted(NamedTuple):
    """A scene with an object in it, and a query for it."""

    scene: Image
    box: Box
    query: Image


class Costs(NamedTuple):
    """What regions cost."""

    size: float
    """Bytes of vectors an image."""
    add: float
    """Milliseconds an image."""
    search: float
    """Milliseconds."""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=60)
    parser.add_argument("--scenes", type=int, default=300, help="at least as many as objects")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    given = parser.parse_args()
    if given.scenes < given.objects:
        parser.error("give at least as many --scenes as --objects")
    rng = np.random.default_rng(_SEED)
    paths = [path for name in ("clothing", "grocery") for path in images_of(given.data, name)]
    if len(paths) < given.objects + given.scenes:
        parser.error(f"there are {len(paths)} photographs: give fewer --objects and --scenes")
    drawn = [paths[one] for one in rng.permutation(len(paths))[: given.objects + given.scenes]]
    objects, scenes = drawn[: given.objects], drawn[given.objects :]
    pasted = [
        _pasted(_opened(one), _opened(scene), rng)
        for one, scene in zip(objects, scenes, strict=False)
    ]
    others = [np.asarray(_opened(path)) for path in scenes[len(pasted) :]]
    print(f"{processor()}, {cores()} cores; {len(pasted)} objects, {len(scenes)} scenes\n")
    print(f"| {' | '.join(_COLUMNS)} |")
    print("|---" * len(_COLUMNS) + "|")
    for regions in (None, 2, 3):
        print(_line(regions, pasted, others))


def _opened(path: Path) -> PIL.Image.Image:
    image = PIL.Image.fromarray(load_image(path))
    image.thumbnail((_SIDE, _SIDE))
    return image


def _pasted(thing: PIL.Image.Image, scene: PIL.Image.Image, rng: np.random.Generator) -> Pasted:
    middle = _crop(thing, 0.15)
    scale = float(rng.uniform(*_SHARES)) * min(scene.size) / max(middle.size)
    width, height = (max(1, round(scale * side)) for side in middle.size)
    left, top = (
        int(rng.integers(scene.width - width + 1)),
        int(rng.integers(scene.height - height + 1)),
    )
    scene.paste(middle.resize((width, height)), (left, top))
    return Pasted(np.asarray(scene), (left, top, width, height), np.asarray(_crop(thing, 0.1)))


def _crop(image: PIL.Image.Image, margin: float) -> PIL.Image.Image:
    wide, high = image.size
    left, top = round(margin * wide), round(margin * high)
    return image.crop((left, top, wide - left, high - top))


def _line(regions: int | None, pasted: Sequence[Pasted], others: Sequence[Image]) -> str:
    images = [*(one.scene for one in pasted), *others]
    with (
        TemporaryDirectory() as folder,
        Finder.create(Path(folder) / "scenes.db", regions=regions) as finder,
    ):
        costs = _costs(finder, images, [one.query for one in pasted])
        targets = [_target(finder, one) for one in pasted]
    ranks = np.array([hit.rank for hit in targets])
    overlaps = [
        _iou(hit.region or _whole(one.scene), one.box)
        for hit, one in zip(targets, pasted, strict=True)
    ]
    found = f"{np.mean(ranks == 1):.3f} | {np.mean(ranks <= 5):.3f} | {np.mean(1 / ranks):.3f}"
    cost = f"{costs.size:,.0f} | {costs.add:.1f} | {costs.search:.1f}"
    return f"| {regions or 'none'} | {found} | {np.mean(overlaps):.2f} | {cost} |"


def _costs(finder: Finder, images: Sequence[Image], queries: Sequence[Image]) -> Costs:
    """Of adding the images, and of searching."""
    finder.search(images[0])  # loads the model
    began = perf_counter()
    finder.add(images)
    add = (perf_counter() - began) / len(images)
    finder.search(images[0])  # loads the index
    began = perf_counter()
    for query in queries:
        finder.search(query, k=10)
    search = (perf_counter() - began) / len(queries)
    size = finder.statistics().vectors * finder.encoder.dim * 4 / len(finder)
    return Costs(size, 1000 * add, 1000 * search)


def _target(finder: Finder, pasted: Pasted) -> Hit:
    """The hit that is the scene."""
    own = finder.search(pasted.scene, k=1, verify=0)[0].id
    hits = finder.search(pasted.query, k=len(finder), verify=0)
    return next(hit for hit in hits if hit.id == own)


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
