"""Benchmark of near-duplicate retrieval: queries are modified copies of images.

    python -m benchmarks.copies [--every 1] [--data FOLDER]

Each clothing photograph is cropped to half its area, rotated by 15°, seen in perspective,
downscaled to a quarter, overlaid with text, and pasted into another image (a product shot that is
not in the catalogue). Each such copy is a query in a catalogue of all clothing and grocery
photographs. Recall at 1 of the default encoder alone; of a VLAD shortlist of SIFT features with
geometric verification, where the original counts only if it is verified; and the time of such
a query.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.walk import find_images

Original = PIL.Image.Image

_SIDE = 800


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    clothing, grocery = (images_of(given.data, name) for name in ("clothing", "grocery"))
    scenes = list(find_images(given.data / "grocery" / "iconic-images-and-descriptions"))
    print(f"{processor()}, {cores()} cores; {len(clothing)} clothing, {len(grocery)} grocery")
    with (
        tempfile.TemporaryDirectory() as folder,
        Finder.create(Path(folder) / "copies.db", local="sift") as finder,
    ):
        report = finder.add([*clothing, *grocery])
        print(f"{report.added} added in {report.seconds:.0f} s")
        finder.search(clothing[0], 1, rerank="geometric")  # fits the codebook, fills the index
        seconds = [_measure(finder, clothing[:: given.every], change, scenes) for change in CHANGES]
        took = np.concatenate(seconds) * 1000
        print(f"a query: {np.median(took):.0f} ms in the median, {took.mean():.0f} on average")
    for name in ("alone", "verified"):
        print(f"{name:<10} {np.mean(_SHARES[name]):.3f}")


_SHARES: dict[str, list[float]] = {"alone": [], "verified": []}


def _measure(
    finder: Finder, paths: Sequence[Path], change: str, scenes: Sequence[Path]
) -> list[float]:
    """The seconds of each query; prints the recalls."""
    alone, verified, seconds = 0, 0, []
    for path in paths:
        random = Random(f"{change} {path.name}")  # noqa: S311  the same every time
        with PIL.Image.open(path) as image:
            copy = CHANGES[change](image.convert("RGB"), random, scenes)
        alone += finder.search(copy, 1)[0].path == str(path)
        began = perf_counter()
        (hit,) = finder.search(copy, 1, rerank="geometric")
        seconds.append(perf_counter() - began)
        verified += hit.path == str(path) and bool(hit.verified)
    shares = alone / len(paths), verified / len(paths)
    for name, share in zip(_SHARES, shares, strict=True):
        _SHARES[name].append(share)
    print(f"{change:<18} alone {shares[0]:.3f}  verified {shares[1]:.3f}", flush=True)
    return seconds


def _crop(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    width, height = (round(side * 0.5**0.5) for side in image.size)
    left = random.randint(0, image.width - width)
    top = random.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def _rotate(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    return image.rotate(15, PIL.Image.Resampling.BICUBIC, expand=True)


def _perspective(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    """Each corner of the copy shows a point up to a fifth of a side within the image."""
    width, height = image.size
    corners = ((0, 0, 1, 1), (0, 1, 1, -1), (1, 1, -1, -1), (1, 0, -1, 1))
    shown = [
        coordinate
        for x, y, inward_x, inward_y in corners
        for coordinate in (
            width * (x + inward_x * random.uniform(0, 0.2)),
            height * (y + inward_y * random.uniform(0, 0.2)),
        )
    ]
    bicubic = PIL.Image.Resampling.BICUBIC
    # a quadrilateral's corners are mapped as a plane's are in perspective
    plane = _plane(shown, width, height)
    return image.transform(image.size, PIL.Image.Transform.PERSPECTIVE, plane, bicubic)


def _plane(corners: Sequence[float], width: int, height: int) -> list[float]:
    """The perspective that takes a copy's corners (clockwise from the lower left) to others."""
    ends = [(0, 0), (0, height), (width, height), (width, 0)]
    rows, values = [], []
    for (x, y), u, v in zip(ends, corners[::2], corners[1::2], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    found: list[float] = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return found


def _downscale(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    size = (image.width // 4, image.height // 4)
    return image.resize(size, PIL.Image.Resampling.LANCZOS)


def _overlay(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    font = PIL.ImageFont.load_default(image.width // 8)
    pen = PIL.ImageDraw.Draw(image)
    for share in (0.2, 0.5, 0.8):
        place = (image.width * 0.05, image.height * share)
        pen.text(place, "SALE 50 % OFF", fill=(255, 0, 0), font=font)
    return image


def _paste(image: Original, random: Random, scenes: Sequence[Path]) -> Original:
    """Its longer side takes 40 to 60 % of the other image's."""
    with PIL.Image.open(random.choice(scenes)) as scene:
        canvas = scene.convert("RGB").resize((_SIDE, _SIDE))
    share = random.uniform(0.4, 0.6) * _SIDE / max(image.size)
    size = round(image.width * share), round(image.height * share)
    place = random.randint(0, _SIDE - size[0]), random.randint(0, _SIDE - size[1])
    canvas.paste(image.resize(size, PIL.Image.Resampling.LANCZOS), place)
    return canvas


CHANGES: dict[str, Callable[[Original, Random, Sequence[Path]], Original]] = {
    "half the area": _crop,
    "rotated by 15°": _rotate,
    "perspective": _perspective,
    "quarter size": _downscale,
    "text overlay": _overlay,
    "pasted in": _paste,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take each n-th photograph only")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
