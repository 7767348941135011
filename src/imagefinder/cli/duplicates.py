"""The verb `duplicates`: near-duplicate detection."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder._utils.outputs import check_output, write_output
from imagefinder.cli.options import DB, Db, Force, Json, open_finder
from imagefinder.cli.output import print_groups, print_json
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.near_duplicates.detect import Duplicates
    from imagefinder.types import Record


def duplicates(
    db: Db = DB,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="Least score of a pair; by default the calibrated duplicate threshold.",
        ),
    ] = None,
    verify: Annotated[
        Literal["pixels", "geometry", "none"],
        typer.Option(help="How to verify candidate pairs."),
    ] = "pixels",
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an HTML report of all groups.", dir_okay=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Find near-duplicates in the catalogue; nothing is deleted."""
    from imagefinder.near_duplicates.detect import duplicates

    if threshold is not None and not math.isfinite(threshold):
        raise typer.BadParameter("must be a finite number", param_hint="--threshold")
    if html is not None:
        check_output(html, "duplicates", force)
    with open_finder(db) as finder, track("comparing") as bar:
        found = duplicates(finder, threshold=threshold, verify=verify, progress=bar)
    if html is not None:
        _write(found, html)
    if as_json:
        print_json(_as_json(found))
        return
    print_groups(found.groups)
    if found.unreadable:
        typer.echo(f"{found.unreadable} images left out: their files cannot be read", err=True)
    if found.undecided:
        typer.echo(
            f"{found.undecided} pairs left out: they look alike, but show too little to compare, "
            "as blank pages, icons or slides do (--json names some)",
            err=True,
        )


def _write(found: Duplicates, file: Path) -> None:
    from imagefinder.near_duplicates.report import html_report

    with (
        write_output(file) as unfinished,
        unfinished.open("w", encoding="utf-8", errors="backslashreplace") as page,
    ):
        page.writelines(html_report(found))


def _as_json(found: Duplicates) -> dict[str, Any]:
    groups = [
        {
            "best": _image_as_json(group.best),
            "why": group.why,
            "copies": [
                {**_image_as_json(copy.record), "score": copy.score} for copy in group.copies
            ],
        }
        for group in found.groups
    ]
    return {
        "threshold": found.threshold,
        "verify": found.verify,
        "unseen": found.unreadable,
        "undecided": found.undecided,
        "undecided_examples": [
            [one.path or one.id, other.path or other.id] for one, other in found.undecided_examples
        ],
        "groups": groups,
    }


def _image_as_json(record: Record) -> dict[str, Any]:
    """``paths`` are distinct files that exist: what is in ``links`` or ``gone`` is no copy."""
    from imagefinder.images.locations import locations

    found = locations(record)
    return {
        "id": record.id,
        "paths": [location.path for location in found if location.state == "file"],
        "links": {location.path: location.target for location in found if location.state == "link"},
        "gone": [location.path for location in found if location.state == "gone"],
        "width": record.width,
        "height": record.height,
        "bytes": record.size,
    }
