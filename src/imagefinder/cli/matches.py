"""The commands that know what a match is: calibrate, and duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder.cli.options import DB, Db, Json, opened
from imagefinder.cli.output import plain, print_groups, print_json, print_pairs
from imagefinder.cli.terminal import counting
from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.near_duplicates.detect import Duplicates
    from imagefinder.search.calibration.model import Calibration
    from imagefinder.types import Record


def calibrate(
    db: Db = DB,
    rate: Annotated[
        float, typer.Option(help="Of searches without a match, those that may be told of one.")
    ] = 0.001,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="folder|FILE.csv",
            help="A match has the same folder, or is paired in the file; else it is a copy.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn from the catalogue's own images from which score on there is a match."""
    from imagefinder.search.calibration.calibrate import calibrate

    if not 0 < rate < 1:
        raise typer.BadParameter("it is a share, between 0 and 1", param_hint="--rate")
    with opened(db) as finder, counting("calibrating") as bar:
        found = calibrate(finder, rate=rate, labels=labels, seed=seed, progress=bar)
        told = calibration_as_json(found, len(finder))
    if as_json:
        print_json(told)
    else:
        print_pairs((told or {}).items())


def calibration_as_json(calibration: Calibration | None, images: int) -> dict[str, Any] | None:
    """What programs are told of it."""
    if calibration is None:
        return None
    return {
        "rate": calibration.rate,
        "threshold": calibration.threshold(images),
        "a match is": calibration.truth,
        "learnt from": calibration.searches,
    }


def duplicates(
    db: Db = DB,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Leave out pairs that score less.")
    ] = None,
    verify: Annotated[
        Literal["pixels", "geometry", "none"],
        typer.Option(help="What pairs must agree in, besides the score."),
    ] = "pixels",
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with all groups.", dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find copies in the catalogue, and name the better ones; nothing is deleted."""
    from imagefinder.near_duplicates.detect import duplicates

    with opened(db) as finder, counting("comparing") as bar:
        found = duplicates(finder, threshold=threshold, verify=verify, progress=bar)
    if html is not None:
        _write(found, html)
    if as_json:
        print_json(_as_json(found))
        return
    print_groups(found.groups)
    if found.unseen:
        typer.echo(f"{found.unseen} images could not be looked at: their files are gone", err=True)


def _write(found: Duplicates, file: Path) -> None:
    from imagefinder.near_duplicates.report import sheet

    try:
        with file.open("w", encoding="utf-8", errors="backslashreplace") as page:
            page.writelines(sheet(found))
    except OSError as error:
        raise ImageFinderError(f"{plain(str(file))} cannot be written: {error.strerror}") from error


def _as_json(found: Duplicates) -> dict[str, Any]:
    groups = [
        {
            "best": _about(group.best),
            "why": group.why,
            "copies": [{**_about(copy.record), "score": copy.score} for copy in group.copies],
        }
        for group in found.groups
    ]
    return {
        "threshold": found.threshold,
        "verify": found.verify,
        "unseen": found.unseen,
        "groups": groups,
    }


def _about(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "paths": [file.path for file in record.files],
        "width": record.width,
        "height": record.height,
        "bytes": record.size,
    }
