"""The verb `calibrate`: learn the match threshold at a stated false-positive rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import DB, Db, Json, open_finder
from imagefinder.cli.output import print_json, print_pairs
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.verification.calibration import Calibration

_POOR = 0.1  # recall


def calibrate(
    db: Db = DB,
    rate: Annotated[
        float, typer.Option(metavar="RATE", help="Accepted false-positive rate per query.")
    ] = 0.001,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="folder|FILE.csv",
            help="Take images in the same folder, or paired in a CSV file, as matches; "
            "otherwise modified copies.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed for the sample.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn the match threshold from the catalogue's own images."""
    from imagefinder.verification.calibrate import calibrate

    if not 0 < rate < 1:
        raise typer.BadParameter("must be between 0 and 1", param_hint="--rate")
    with open_finder(db) as finder, track("calibrating") as bar:
        found = calibrate(finder, rate=rate, labels=labels, seed=seed, progress=bar)
        about = calibration_as_json(found, len(finder))
    if as_json:
        print_json(about)
        return
    print_pairs((about or {}).items())
    recall = _recall(found)
    if recall is not None and recall < _POOR:
        typer.echo(
            f"at this threshold {recall:.1%} of the matches would be found: accept more false "
            "positives with --rate",
            err=True,
        )


def calibration_as_json(calibration: Calibration | None, images: int) -> dict[str, Any] | None:
    """A calibration as JSON, with the threshold for a catalogue of that many images."""
    if calibration is None:
        return None
    return {
        "rate": calibration.rate,
        "threshold": calibration.threshold(images),
        "a match is": calibration.match_kind,
        "learnt from": calibration.searches,
        "recall": _recall(calibration),
        "recall by score": calibration.recall,
    }


def _recall(calibration: Calibration) -> float | None:
    """Of the hits that are verified, if they are."""
    model = calibration.verdict_model
    return model.recall if model is not None else calibration.recall
