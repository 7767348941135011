"""Rank fusion of several encoders, compared with the best of them alone.

    python -m benchmarks.ensembles [--encoder SPEC ...] [--data FOLDER]

Leave-one-out with cosine: mean average precision and recall at 1 of each encoder, and of their
rankings fused by each method (whole rankings, equal weights).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest import OPTIONS
from benchmarks.retrieval import assets, images_of
from imagefinder import embed
from imagefinder.evaluation.embedding_metrics import RetrievalScores
from imagefinder.evaluation.metrics import average_precision
from imagefinder.registry.factory import make_encoder
from imagefinder.search.ranking import Fusion, Ranking, best_first, fuse
from imagefinder.similarity import unit

Scores = NDArray[np.float32]


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    models = assets() / "models"
    specs = given.encoder or [
        "compact",
        f"onnx:{models / 'mobilenet_v2_ptq.onnx'}",
        f"onnx:{models / 'mobilenetv2_backbone.onnx'}",
    ]
    for name in ("clothing", "grocery"):
        paths = images_of(given.data, name)
        classes = [path.parent.name for path in paths]
        every = [_scores(spec, paths) for spec in specs]
        for spec, scores in zip(specs, every, strict=True):
            _print(name, Path(spec).name, _measured([[row] for row in scores], classes))
        for how in get_args(Fusion):
            rows = [list(rows) for rows in zip(*every, strict=True)]
            _print(name, f"fused by {how}", _measured(rows, classes, how))


def _scores(spec: str, paths: Sequence[Path]) -> Scores:
    rows = unit(embed(paths, make_encoder(spec, OPTIONS if "mobilenet_v2_" in spec else None)))
    return rows @ rows.T


def _measured(
    rows: Sequence[Sequence[Scores]], classes: Sequence[str], how: Fusion = "scores"
) -> RetrievalScores:
    """``rows[i]``: the similarities of all images to image i, by each encoder."""
    relevant = [
        [classes[key] == classes[own] for key, _ in fuse([_ranking(s, own) for s in each], how)]
        for own, each in enumerate(rows)
    ]
    relevance = np.array([line for line in relevant if any(line)])
    precision = average_precision(relevance, relevance.sum(axis=1))
    return RetrievalScores(float(precision.mean()), float(relevance[:, 0].mean()))


def _ranking(scores: Scores, own: int) -> Ranking:
    return best_first({key: score for key, score in enumerate(scores.tolist()) if key != own})


def _print(collection: str, name: str, found: RetrievalScores) -> None:
    print(f"{collection:<10}{name:<32} mAP {found[0]:.3f}  R@1 {found[1]:.3f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", action="append", help="named as for `imagefinder add`")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
