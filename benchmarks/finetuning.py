"""What fine-tuning gains: mAP and recall at 1 before and after, for each objective.

    python -m benchmarks.finetuning TRAIN [--data FOLDER] [--objective NAME ...] [--epochs N]

``TRAIN`` has a folder for each class (the train split of marcusklasson/GroceryStoreDataset); what
is learnt from it is measured on images that it has not seen: ``grocery/test`` of the same kinds,
and ``clothing/test`` of quite others. Leave one out, cosine, rows as they come and centred.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import embed
from imagefinder._utils.concurrency import cores
from imagefinder.evaluation.embedding_metrics import leave_one_out
from imagefinder.registry.plugins import DEFAULT_ENCODER
from imagefinder.training import OBJECTIVES, Moment, Outcome, Settings, train

_COLLECTIONS = ("grocery", "clothing")


def main() -> None:
    """Train, measure, and print."""
    given = _arguments()
    paths = {name: images_of(given.data, name) for name in _COLLECTIONS}
    print(f"{processor()}, {cores()} cores; {given.train}\n")
    heads = (f"{name} mAP / R@1 | centred" for name in _COLLECTIONS)
    print(f"| | {' | '.join(heads)} | minutes | showings/s | epochs, the best |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| before | {_figures(DEFAULT_ENCODER, paths)} | | | |", flush=True)
    with TemporaryDirectory() as folder:
        for objective in given.objective or OBJECTIVES:
            out = (given.out or Path(folder)) / objective
            settings = Settings(objective=objective, epochs=given.epochs)
            watch = _Watch()
            began = perf_counter()
            outcome = train(given.train, out, settings, progress=watch)
            minutes = (perf_counter() - began) / 60
            told = f"{minutes:.1f} | {watch.rate(outcome):.0f} | {outcome.epochs}"
            figures = _figures(str(out), paths)
            print(f"| {objective} | {figures} | {told}, {outcome.best_epoch} |", flush=True)
            print(f"  held out: {dict(outcome.before)} -> {dict(outcome.after)}", file=sys.stderr)


class _Watch:
    """How long the steps took, judging between them included."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._steps = 0

    def __call__(self, moment: Moment) -> None:
        if moment.doing == "training":
            self._last = perf_counter()
            self._first = self._first or self._last
            self._steps += 1

    def rate(self, outcome: Outcome) -> float:
        """Views a second."""
        return (self._steps - 1) * outcome.settings.batch / (self._last - self._first)


def _figures(encoder: str, paths: Mapping[str, Sequence[Path]]) -> str:
    cells = []
    for every in paths.values():
        rows, classes = embed(every, encoder), [path.parent.name for path in every]
        for compared in (rows, rows - rows.mean(axis=0)):
            found = leave_one_out(compared, classes)
            cells.append(f"{found.mean_average_precision:.3f} / {found.recall_at_1:.3f}")
    return " | ".join(cells)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", type=Path, help="images, in a folder for each class")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--objective", action="append", choices=OBJECTIVES)
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--out", type=Path, help="keep the encoders here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
