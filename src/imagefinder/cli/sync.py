"""The verb `sync`: the catalogue follows a folder."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, EncoderName, Json, Local, Options, open_or_create
from imagefinder.cli.output import print_report
from imagefinder.cli.terminal import count_images, track


def sync(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder of images.")],
    db: Db = DB,
    encoder: EncoderName = None,
    option: Options = None,
    local: Local = None,
    as_json: Json = False,
) -> None:
    """Update the catalogue from a folder: add new images, remove missing ones."""
    with (
        open_or_create(db, encoder, option, local) as finder,
        track("adding", lambda: count_images([folder])) as bar,
    ):
        report = finder.sync(folder, progress=bar)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)
