"""The verb `sync`: the catalogue follows a folder."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.options import (
    DB,
    FOLDERS,
    Checksum,
    Db,
    EncoderName,
    Exclude,
    Include,
    Json,
    Local,
    Options,
    Strict,
    change_globs,
    open_or_create,
)
from imagefinder.cli.output import print_report
from imagefinder.cli.terminal import count_images, track


def sync(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder of images.")],
    db: Db = DB,
    encoder: EncoderName = None,
    option: Options = None,
    local: Local = None,
    exclude: Exclude = None,
    include: Include = None,
    checksum: Checksum = False,
    strict: Strict = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Remove images even if their disk seems to be away.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    remove_excluded: Annotated[
        bool,
        typer.Option(
            "--remove-excluded",
            help="Remove images that were added before they were excluded.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Update the catalogue from a folder: add new images, remove missing ones.

    A folder that had several images and has none now is left as it is in the catalogue: its disk
    may be away.
    """
    with open_or_create(db, encoder, option, local, strict) as finder:
        change_globs(finder, exclude, include)
        with track("adding", lambda: count_images([folder], finder.excluded)) as bar:
            report = finder.sync(
                folder,
                progress=bar,
                checksum=checksum,
                force=force,
                remove_excluded=remove_excluded,
            )
    print_report(report, as_json)
    if report.kept or (report.failed and not report.done):
        raise typer.Exit(1)
