"""The false-positive rate of matches, measured against the stated one, and the recall of copies.

    python -m benchmarks.calibration [--encoder SPEC] [--splits 3] [--planted 0 0.3] [--sheet FILE]

Clothing and grocery photographs are split into a stored and a held-out half (seeded; several splits
are pooled). ``--planted`` adds a copy of that share of the stored images, modified in one of twelve
ways. The held-out images are the queries, by whole searches of ten hits. They are not stored, so
that each match is a false positive, though some are a second photograph of the same moment: those
whose SIFT features one geometry explains are counted apart, and ``--sheet`` shows every pair.
Copies of stored images, made in all twelve ways, give the recall. Everything is measured with the
shipped calibration and with one that is fit to the catalogue.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder, calibrate
from imagefinder._utils.concurrency import cores
from imagefinder.images.transforms import COPIES
from imagefinder.local_features.compare import match_images
from imagefinder.types import Hit
from imagefinder.verification.criteria import criteria_of
from imagefinder.verification.verdict_model import probability_of

RATES = (0.1, 0.01, 0.001)
_COPIED = 60  # stored images of which all copies are made, in each split
_SHOWN = 0.001  # the rate whose false positives are shown
_SIDE = 200


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    paths = [*images_of(given.data, "clothing"), *images_of(given.data, "grocery")]
    print(f"{processor()}, {cores()} cores; {len(paths)} images, {given.splits} splits")
    shown: list[tuple[Path, Hit]] = []
    for planted in given.planted:
        counts = {name: _Counts() for name in _CALIBRATIONS}
        for seed in range(given.splits):
            with tempfile.TemporaryDirectory() as folder:
                _measure(given.encoder, seed, paths, planted, Path(folder), counts)
        for name, one in counts.items():
            print(f"\n{planted:.0%} planted, {name} calibration")
            one.print()
            shown += one.false_matches
    if given.sheet:
        _sheet(shown).save(given.sheet)


@dataclass
class _Counts:
    """Summed over the splits, by the stated rate."""

    searches: int = 0
    false: Counter[float] = field(default_factory=Counter)
    same_scene: Counter[float] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    recalled: Counter[tuple[float, str]] = field(default_factory=Counter)
    false_matches: list[tuple[Path, Hit]] = field(default_factory=list)

    def print(self) -> None:
        """A line for each rate."""
        for rate in RATES:
            false, same = self.false[rate], self.same_scene[rate]
            low, high = interval(false - same, self.searches)
            shares = {
                name: self.recalled[rate, name] / self.copies[name] for name in sorted(self.copies)
            }
            worst = min(shares, key=shares.__getitem__)
            print(
                f"stated {rate:<6} measured {(false - same) / self.searches:.5f} "
                f"({false - same} of {self.searches} searches, 95 % interval {low:.5f} to "
                f"{high:.5f}), and {same} of one moment; recall of copies "
                f"{np.mean(list(shares.values())):.3f} of {sum(self.copies.values())}, "
                f"the worst {shares[worst]:.3f} ({worst})",
                flush=True,
            )
        print("  ".join(f"{name} {share:.3f}" for name, share in shares.items()))


def _measure(
    encoder: str,
    seed: int,
    paths: Sequence[Path],
    planted: float,
    folder: Path,
    counts: dict[str, _Counts],
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(paths))
    stored, held = order[: len(order) // 2], order[len(order) // 2 :]
    copies = list(_planted([paths[i] for i in stored], planted, folder, rng))
    with Finder.create(folder / "half.db", encoder) as finder:
        finder.add(chain((paths[i] for i in stored), copies))
        for name, one in counts.items():
            if _CALIBRATIONS[name]:
                calibrate(finder)
            _search_strangers(finder, [paths[i] for i in held], one)
            _search_copies(finder, [paths[i] for i in stored[:_COPIED]], one)


def _search_strangers(finder: Finder, queries: Sequence[Path], counts: _Counts) -> None:
    least = _least(finder)
    for query in queries:
        counts.searches += 1
        hits = finder.search(query, 10)
        best = max(hits, key=lambda hit: hit.probability or 0.0)
        reached = [rate for rate in RATES if (best.probability or 0.0) >= least[rate]]
        same = bool(reached) and _one_scene(query, best)
        for rate in reached:
            counts.false[rate] += 1
            counts.same_scene[rate] += same
            if rate == _SHOWN:
                counts.false_matches.append((query, best))


def _search_copies(finder: Finder, originals: Sequence[Path], counts: _Counts) -> None:
    least = _least(finder)
    for path in originals:
        with PIL.Image.open(path) as image:
            opened = image.convert("RGB")
        for name, change in COPIES.items():
            hits = finder.search(change(opened), 10)
            found = max(
                (hit.probability or 0.0 for hit in hits if hit.path == str(path)), default=0.0
            )
            counts.copies[name] += 1
            for rate in RATES:
                counts.recalled[rate, name] += found >= least[rate]


def _least(finder: Finder) -> dict[float, float]:
    """The probability from which on a hit is a match, by rate."""
    return {
        rate: probability_of(criteria_of(finder.store, len(finder), rate).least_logit)
        for rate in RATES
    }


def _one_scene(one: Path, other: Hit) -> bool:
    """Whether one geometry explains local features: evidence apart from that of the verdict."""
    return bool(match_images(one, other.path or "").correspondences.verified)


def _planted(
    paths: Sequence[Path], share: float, folder: Path, rng: np.random.Generator
) -> Iterator[Path]:
    changes = list(COPIES.values())
    for number, path in enumerate(paths[: round(share * len(paths))]):
        with PIL.Image.open(path) as image:
            copy = changes[rng.integers(len(changes))](image.convert("RGB"))
        copy.save(folder / f"{number}.png")
        yield folder / f"{number}.png"


def _sheet(pairs: Sequence[tuple[Path, Hit]]) -> PIL.Image.Image:
    """Each pair side by side, with its probability."""
    unique = list({(query, hit.path): (query, hit) for query, hit in pairs}.values())
    across = 4
    rows = -(-len(unique) // across) or 1
    sheet = PIL.Image.new("RGB", (across * (2 * _SIDE + 10), rows * (_SIDE + 16)), "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for number, (query, hit) in enumerate(unique):
        x, y = number % across * (2 * _SIDE + 10), number // across * (_SIDE + 16)
        for column, path in enumerate((query, Path(hit.path or ""))):
            if path.exists():  # planted copies are gone
                with PIL.Image.open(path) as image:
                    image.thumbnail((_SIDE - 4, _SIDE - 4))
                    sheet.paste(image.convert("RGB"), (x + column * _SIDE, y + 14))
        pen.text((x, y), f"{hit.probability:.4f} {hit.evidence}", fill="black")
    return sheet


def interval(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % confidence interval of a proportion: Wilson, "Probable inference", JASA 1927."""
    z, share = 1.96, hits / tries
    middle = share + z**2 / (2 * tries)
    spread = z * np.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    low, high = ((middle + sign * spread) / (1 + z**2 / tries) for sign in (-1, 1))
    return float(low), float(high)


_CALIBRATIONS = {"shipped": False, "fitted": True}  # whether to fit one first


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="compact", help="named as for `imagefinder add`")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--planted", type=float, nargs="+", default=[0.0, 0.3])
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--sheet", type=Path, help="draw the false positives")
    return parser.parse_args()


if __name__ == "__main__":
    main()
