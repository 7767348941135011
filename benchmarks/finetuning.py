"""Benchmark of fine-tuning: mAP and recall at 1 before and after, for each objective.

    python -m benchmarks.finetuning TRAIN [--data FOLDER] [--objective NAME ...] [--epochs N]

``TRAIN`` has a folder per class (the train split of marcusklasson/GroceryStoreDataset). The metrics
are of unseen images: ``grocery/test`` of the same classes, and ``clothing/test`` of others.
Leave-one-out, cosine, embeddings as they are and centered.
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
from imagefinder.training import OBJECTIVES, ProgressEvent, Settings, TrainingResult, train

_COLLECTIONS = ("grocery", "clothing")


def main() -> None:
    """Train, measure, and print."""
    given = _arguments()
    paths = {name: images_of(given.data, name) for name in _COLLECTIONS}
    print(f"{processor()}, {cores()} cores; {given.train}\n")
    heads = (f"{name} mAP / R@1 | centered" for name in _COLLECTIONS)
    print(f"| | {' | '.join(heads)} | minutes | views/s | epochs, the best |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| before | {_figures('compact', paths)} | | | |", flush=True)
    with TemporaryDirectory() as folder:
        for objective in given.objective or OBJECTIVES:
            out = (given.out or Path(folder)) / objective
            settings = Settings(objective=objective, epochs=given.epochs)
            rate = _Rate()
            began = perf_counter()
            result = train(given.train, out, settings, progress=rate)
            minutes = (perf_counter() - began) / 60
            took = f"{minutes:.1f} | {rate.of(result):.0f} | {result.epochs}"
            figures = _figures(str(out), paths)
            print(f"| {objective} | {figures} | {took}, {result.best_epoch} |", flush=True)
            print(f"  validation: {dict(result.before)} -> {dict(result.after)}", file=sys.stderr)


class _Rate:
    """Times the steps, with the validation between them."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._steps = 0

    def __call__(self, event: ProgressEvent) -> None:
        if event.phase == "training":
            self._last = perf_counter()
            self._first = self._first or self._last
            self._steps += 1

    def of(self, result: TrainingResult) -> float:
        """Views a second."""
        return (self._steps - 1) * result.settings.batch / (self._last - self._first)


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
    parser.add_argument("train", type=Path, help="images, in a folder per class")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--objective", action="append", choices=OBJECTIVES)
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--out", type=Path, help="keep the encoders here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
