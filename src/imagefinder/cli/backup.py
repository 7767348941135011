"""The verb `backup`: a copy of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, Json, open_store
from imagefinder.cli.output import print_json


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The copy.", dir_okay=False)],
    db: Db = DB,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the catalogue, verified, while other programs use it."""
    with open_store(db) as store:
        size = store.backup(to.absolute(), force)
    if as_json:
        print_json({"backup": str(to.absolute()), "bytes": size})
    else:
        typer.echo(f"{size:,} bytes copied to {to}")
