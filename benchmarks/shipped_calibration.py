"""Fit the calibration that is shipped with the package.

    python -m benchmarks.shipped_calibration FOLDER ... [--encoder SPEC] [--sheet FILE]

The folders hold photographs that nothing is measured by: here the train and validation splits of
the grocery dataset (https://github.com/marcusklasson/GroceryStoreDataset) and of the small clothing
dataset (https://github.com/alexeygrigorev/clothing-dataset-small), 6,345 photographs in all. Some
are compared with their ten nearest neighbors, others with copies of themselves. Neighbors whose
SIFT features one geometry explains are no impostors: they are the same thing, often two shots of
one moment. Their evidence tells what a copy is not, but not how often strangers are taken for one.
``--sheet`` draws the strangers that resemble each other most, to be looked at.

Writes into src/imagefinder/verification/shipped.json a model that uses the scores of the encoder
and, if that is ``compact``, one for any encoder, by pixels alone. Those of other encoders stay.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
from numpy.typing import NDArray

from imagefinder import Finder
from imagefinder.images.ncc import align
from imagefinder.local_features.compare import match_images
from imagefinder.types import Measure, Record
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.criteria import shipped_name
from imagefinder.verification.evidence import evidence_columns, is_undecided
from imagefinder.verification.genuine import Genuine, genuine_pairs
from imagefinder.verification.impostors import nearest_neighbors
from imagefinder.verification.sample import draw_sample
from imagefinder.verification.verdict_model import COLUMNS, VerdictModel, fit_weights

_RATE = 0.001
_SUSPECT = 0.55  # correlation from which on a neighbor may be the same thing
_SHOWN = 60
_SIDE = 150
_PIXELS_BY = "compact"  # whose neighbors the model for any encoder is fit with
_OUT = Path(__file__).parents[1] / "src/imagefinder/verification/shipped.json"

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Pair:
    one: Record
    other: Record
    columns: tuple[float, ...]
    score: float
    is_same_thing: bool


def main() -> None:
    """Fit, and write."""
    given = _arguments()
    with (
        tempfile.TemporaryDirectory() as folder,
        Finder.create(Path(folder) / "shipped.db", given.encoder) as finder,
    ):
        finder.add(given.folders)
        sample = draw_sample(finder, np.random.default_rng(0))
        genuine = genuine_pairs(finder, sample, iter)
        queries = _pairs(finder)
        images, measure = len(finder), finder.recipe.measure
        name = shipped_name(finder.recipe) or sys.exit("an encoder with options has no name here")
    calibration = _calibration(measure, images, queries, genuine)
    shipped: dict[str, tuple[VerdictModel, Calibration | None]] = {
        name: (_model(queries, genuine, images, with_score=True), calibration)
    }
    if given.encoder == _PIXELS_BY:
        shipped["any"] = _model(queries, genuine, images, with_score=False), None
    for which, (model, _) in shipped.items():
        weights = dict(zip(COLUMNS, np.round(model.weights, 2).tolist(), strict=True))
        print(
            which, weights, "threshold", round(model.threshold(images), 2), "recall", model.recall
        )
    values = {
        which: {
            "verdict_model": model.as_json(),
            "calibration": None if found is None else found.as_values(),
        }
        for which, (model, found) in shipped.items()
    }
    before = json.loads(_OUT.read_text("utf-8")) if _OUT.exists() else {}
    _OUT.write_text(json.dumps(before | values, indent=1) + "\n", "utf-8")
    if given.sheet:
        _sheet(queries, shipped[name][0]).save(given.sheet)


def _pairs(finder: Finder) -> list[list[_Pair]]:
    """Of each sampled image and its comparable neighbors."""
    sample = draw_sample(finder, np.random.default_rng(0))
    nearest = nearest_neighbors(finder, sample, None, iter)
    return [
        _compared(finder, record, keys, scores)
        for record, keys, scores in zip(
            sample.records, nearest.keys.tolist(), nearest.scores.tolist(), strict=True
        )
    ]


def _compared(finder: Finder, record: Record, keys: list[int], scores: list[float]) -> list[_Pair]:
    stored = finder.store.signatures([record.key, *keys])
    others = finder.store.get(keys)
    own = stored[record.key]
    aligned = align(own, [stored[key] for key in keys])
    columns = evidence_columns(finder.recipe.measure, aligned, scores)
    return [
        _Pair(
            record,
            others[key],
            tuple(row),
            score,
            one.correlation >= _SUSPECT and _is_same_thing(record, others[key]),
        )
        for key, one, row, score in zip(keys, aligned, columns.tolist(), scores, strict=True)
        if not is_undecided(own, stored[key], one.correlation)
    ]


def _is_same_thing(one: Record, other: Record) -> bool:
    return bool(match_images(one.path or "", other.path or "").correspondences.verified)


def _model(
    queries: list[list[_Pair]], genuine: Genuine, images: int, *, with_score: bool
) -> VerdictModel:
    every = np.array([pair.columns for query in queries for pair in query])
    weights = fit_weights(every, genuine.columns, with_score)
    strangers = [
        np.array([pair.columns for pair in query if not pair.is_same_thing]) for query in queries
    ]
    return VerdictModel.fit(
        weights, _RATE, images, [rows for rows in strangers if len(rows)], genuine.columns
    )


def _calibration(
    measure: Measure, images: int, queries: list[list[_Pair]], genuine: Genuine
) -> Calibration:
    strangers = [[pair.score for pair in query if not pair.is_same_thing] for query in queries]
    best = np.array([max(scores) for scores in strangers if scores])
    return Calibration.fit(measure, _RATE, images, "copies", best, genuine.scores, genuine.related)


def _sheet(queries: list[list[_Pair]], model: VerdictModel) -> PIL.Image.Image:
    """The strangers with the highest odds, two by two."""
    pairs = [pair for query in queries for pair in query if not pair.is_same_thing]
    logits = model.logits(np.array([pair.columns for pair in pairs]))
    across = 6
    sheet = PIL.Image.new(
        "RGB", (across * (2 * _SIDE + 10), _SHOWN // across * (_SIDE + 14)), "white"
    )
    pen = PIL.ImageDraw.Draw(sheet)
    for number, row in enumerate(np.argsort(-logits)[:_SHOWN].tolist()):
        x, y = number % across * (2 * _SIDE + 10), number // across * (_SIDE + 14)
        for column, record in enumerate((pairs[row].one, pairs[row].other)):
            with PIL.Image.open(record.path or "") as image:
                image.thumbnail((_SIDE - 2, _SIDE - 2))
                sheet.paste(image.convert("RGB"), (x + column * _SIDE, y + 12))
        pen.text((x, y), f"{logits[row]:.1f} {np.round(pairs[row].columns[1:], 2)}", fill="red")
    return sheet


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--encoder", default=_PIXELS_BY, help="named as for `imagefinder add`")
    parser.add_argument("--sheet", type=Path, help="draw the most similar strangers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
