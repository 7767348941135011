"""The verb `mcp`: a catalogue as tools of an assistant."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, open_finder, open_or_create
from imagefinder.cli.terminal import quiet_libraries


def mcp(
    db: Db = DB,
    root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER",
            help="Let the assistant name image files below this folder; repeatable.",
        ),
    ] = None,
    writable: Annotated[
        bool,
        typer.Option(
            "--writable", help="Let the assistant add and remove images and set metadata."
        ),
    ] = False,
) -> None:
    """Serve the catalogue to an assistant by the Model Context Protocol, over stdin and stdout."""
    from imagefinder._utils.extras import check_extra

    check_extra("mcp", "mcp", "imagefinder mcp")
    from imagefinder.mcp import Folders, create_server

    quiet_libraries()
    opened = open_or_create(db, None, None) if writable else open_finder(db)
    with opened as finder:
        create_server(finder, Folders(root or ()), writable=writable).run("stdio")
