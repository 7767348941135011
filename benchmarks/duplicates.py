"""Precision, recall and speed of near-duplicate detection.

    python -m benchmarks.duplicates [--vectors 100000] [--local] [--data FOLDER]

Of a third of the clothing and grocery photographs, one to three copies are made in twelve ways and
added with all originals; the catalogue is calibrated. Precision and recall are over pairs of images
in one group: a pair is right if both come from the same original. Pairs of two photographs of one
scene, often two shots of one moment, whose SIFT features one geometry explains, are counted apart.
The best of a group that holds an original should be that. ``--local`` measures geometric
verification as well, which takes long. Then candidates are sought among many vectors (see
``duplicate_candidates``).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from math import comb
from pathlib import Path
from time import perf_counter
from typing import get_args

import numpy as np
import PIL.Image

from benchmarks.duplicate_candidates import print_candidates
from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder, calibrate, duplicates, embed
from imagefinder._utils.concurrency import cores
from imagefinder.images.transforms import COPIES
from imagefinder.local_features.compare import match_images
from imagefinder.near_duplicates.detect import Duplicates
from imagefinder.near_duplicates.verifiers import Verify


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    paths = [*images_of(given.data, "clothing"), *images_of(given.data, "grocery")]
    print(f"{processor()}, {cores()} cores; {len(paths)} images")
    if not given.speed_only:
        _print_quality(paths, given.local)
    print_candidates(embed(paths), given.vectors)


def _print_quality(paths: Sequence[Path], local: bool) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Finder.create(Path(folder) / "c.db", local="sift" if local else None) as finder,
    ):
        origin = {str(path): str(path) for path in paths}
        copied = list(_copied(paths, Path(folder)))
        origin |= {str(copy): str(path) for copy, path, _ in copied}
        changes = {str(copy): change for copy, _, change in copied}
        added = finder.add(origin).added
        calibration = calibrate(finder)
        print(f"{added} with copies; match threshold {calibration.threshold(added):.4f}, ", end="")
        print(f"duplicate threshold {calibration.duplicate_threshold:.4f}")
        for verify in get_args(Verify):
            if verify == "geometry" and not local:
                continue
            began = perf_counter()
            found = duplicates(finder, verify=verify)
            _print(f"{verify}", found, origin, perf_counter() - began)
            _print_best(found, origin, changes)
        for threshold in (0.95, 0.9, 0.85):
            found = duplicates(finder, verify="none", threshold=threshold)
            _print(f"none, score from {threshold}", found, origin, 0)


def _copied(paths: Sequence[Path], folder: Path) -> Iterator[tuple[Path, Path, str]]:
    """Files of copies, each with its original and its change."""
    rng = np.random.default_rng(0)
    names = list(COPIES)
    for number in rng.permutation(len(paths))[: len(paths) // 3].tolist():
        with PIL.Image.open(paths[number]) as opened:
            image = opened.convert("RGB")
        for change in rng.choice(len(names), rng.integers(1, 4), replace=False).tolist():
            copy = folder / f"{number}-{change}.jpg"
            COPIES[names[change]](image).save(copy, quality=90)
            yield copy, paths[number], names[change]


def _print(title: str, found: Duplicates, origin: Mapping[str, str], seconds: float) -> None:
    right = one_scene = wrong = 0
    for group in found.groups:
        records = [group.best, *(copy.record for copy in group.copies)]
        for one, other in combinations([origin[record.path or ""] for record in records], 2):
            right += one == other
            one_scene += one != other and _is_one_scene(*sorted([one, other]))
            wrong += one != other and not _is_one_scene(*sorted([one, other]))
    there = sum(comb(count, 2) for count in Counter(origin.values()).values())
    print(
        f"{title:<24} precision {right / max(1, right + wrong):.3f}, "
        f"{right / max(1, right + wrong + one_scene):.3f} with {one_scene} pairs of one scene;  "
        f"recall {right / there:.3f}  {len(found.groups)} groups, {seconds:.0f} s",
        flush=True,
    )


@cache
def _is_one_scene(one: str, other: str) -> bool:
    """Whether one geometry explains the SIFT features of two photographs."""
    return bool(match_images(one, other).correspondences.verified)


def _print_best(found: Duplicates, origin: Mapping[str, str], changes: Mapping[str, str]) -> None:
    """How often an original is the best, and not its copy: of all copies, and by change.

    Groups whose best image is of another original are left out: they are errors of another kind.
    """
    right: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for group in found.groups:
        best = group.best.path or ""
        members = [best, *(copy.record.path or "" for copy in group.copies)]
        for path in members:
            if path in changes and origin[path] in members and origin[best] == origin[path]:
                is_right = best == origin[path]
                there.update(["all", changes[path]])
                right.update(["all", changes[path]] if is_right else [])
    shares = [f"{name} {right[name] / there[name]:.3f}" for name in ("all", *COPIES) if there[name]]
    print(f"  the best is the original: {', '.join(shares)}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--local", action="store_true", help="measure geometric verification too")
    parser.add_argument("--speed-only", action="store_true", help="only the many vectors")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
