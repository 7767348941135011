"""The verb `remove`: images out of the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, Json, open_finder
from imagefinder.cli.output import print_report


def remove(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="Files, folders or ids.")],
    db: Db = DB,
    exclude: Annotated[
        bool,
        typer.Option(
            "--exclude", help="Keep them out: `add` and `sync` pass them over from now on."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove images from the catalogue; their files are not touched."""
    with open_finder(db) as finder:
        report = finder.remove(images, exclude=exclude)
    print_report(report, as_json)
    if report.failed:
        raise typer.Exit(1)
