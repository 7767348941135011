"""The false-positive rate of a calibrated catalogue, measured against the stated one.

    python -m benchmarks.calibration [--splits 4] [--planted 0 0.05 0.3] [--data FOLDER]

Clothing and grocery photographs are split into a stored and a held-out half (seeded; several splits
are pooled). ``--planted`` adds a copy of that share of the stored images, modified in one of twelve
ways. The catalogue is calibrated, and the held-out images are the queries. They are not stored, so
that each match is a false positive, though some are a second photograph of the same moment, which
the pixels show. With labels, only a match of another class is false. Copies of stored images, made
in all twelve ways, give the recall of true matches.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder, calibrate, embed
from imagefinder._utils.concurrency import cores
from imagefinder.images.ncc import NCC_THRESHOLD, max_ncc
from imagefinder.images.signature import ncc_signature
from imagefinder.images.transforms import COPIES
from imagefinder.similarity import unit

RATES = (0.1, 0.01, 0.001)
_COPIED = 60  # stored images of which all copies are made, in each split

Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    paths = [*images_of(given.data, "clothing"), *images_of(given.data, "grocery")]
    rows = unit(embed(paths))
    print(f"{processor()}, {cores()} cores; {len(paths)} images, {given.splits} splits")
    for planted in given.planted:
        for labels in (None, "folder") if not planted else (None,):
            _print(
                f"{planted:.0%} planted, matches by {labels or 'copies'}",
                _pooled(given.splits, paths, rows, planted, labels),
            )


def _pooled(
    splits: int, paths: Sequence[Path], rows: Vectors, planted: float, labels: str | None
) -> list[Counts]:
    """Summed over the splits: see ``_measured``."""
    every = []
    for seed in range(splits):
        with tempfile.TemporaryDirectory() as folder:
            every.append(_measured(seed, paths, rows, planted, labels, Path(folder)))
    return [np.sum(counts, axis=0) for counts in zip(*every, strict=True)]


def _measured(
    seed: int,
    paths: Sequence[Path],
    rows: Vectors,
    planted: float,
    labels: str | None,
    folder: Path,
) -> tuple[Counts, ...]:
    """The counts that ``_print`` prints, for each rate."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(paths))
    stored, held = order[: len(order) // 2], order[len(order) // 2 :]
    copies = list(_planted([paths[i] for i in stored], planted, folder, rng))
    with Finder.create(folder / "half.db") as finder:
        finder.add(chain((paths[i] for i in stored), copies))
        calibration = calibrate(finder, labels=labels)
        images = len(finder)
    catalogue = np.concatenate([rows[stored], unit(embed(copies))])
    found = rows[held] @ catalogue.T
    if labels:
        kinds = np.array([str(path.parent) for path in paths])
        found[kinds[held][:, None] == kinds[stored]] = -1
    shown = [*(paths[i] for i in stored), *copies]
    true = (_made([paths[i] for i in stored[:_COPIED]]) @ catalogue.T).max(axis=1)
    counts = []
    for rate in RATES:
        least = calibration.threshold(images, rate)
        false = np.flatnonzero(found.max(axis=1) >= least)
        same = sum(_alike(paths[held[i]], shown[found[i].argmax()]) for i in false.tolist())
        pairs = (found.size, int((found >= least).sum()))
        counts.append((len(held), len(false), same, *pairs, len(true), int((true >= least).sum())))
    return tuple(np.array(column) for column in zip(*counts, strict=True))


def _planted(
    paths: Sequence[Path], share: float, folder: Path, rng: np.random.Generator
) -> Iterator[Path]:
    changes = list(COPIES.values())
    for number, path in enumerate(paths[: round(share * len(paths))]):
        with PIL.Image.open(path) as image:
            copy = changes[rng.integers(len(changes))](image.convert("RGB"))
        copy.save(folder / f"{number}.png")
        yield folder / f"{number}.png"


def _made(paths: Sequence[Path]) -> Vectors:
    """The embeddings of all copies of some images."""
    made = []
    for path in paths:
        with PIL.Image.open(path) as image:
            made += [change(image.convert("RGB")) for change in COPIES.values()]
    return unit(embed(made))


def _alike(one: Path, other: Path) -> bool:
    return bool(max_ncc(ncc_signature(one), [ncc_signature(other)])[0] >= NCC_THRESHOLD)


def _print(title: str, columns: Sequence[Counts]) -> None:
    print(f"\n{title}")
    for rate, *counts in zip(RATES, *columns, strict=True):
        searches, false, same, pairs, false_pairs, copies, recalled = map(int, counts)
        low, high = interval(false, searches)
        print(
            f"stated {rate:<6} measured {false / searches:.5f} ({false} of {searches} searches, "
            f"95 % interval {low:.5f} to {high:.5f}); same pixels {same}; "
            f"per comparison {false_pairs / pairs:.1e}; "
            f"recall of copies {recalled / copies if copies else float('nan'):.3f} of {copies}",
            flush=True,
        )


def interval(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % confidence interval of a proportion: Wilson, "Probable inference", JASA 1927."""
    z, share = 1.96, hits / tries
    middle = share + z**2 / (2 * tries)
    spread = z * np.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    low, high = ((middle + sign * spread) / (1 + z**2 / tries) for sign in (-1, 1))
    return float(low), float(high)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--planted", type=float, nargs="+", default=[0.0, 0.05, 0.3])
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
