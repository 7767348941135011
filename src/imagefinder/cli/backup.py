"""The verb `backup`: a copy of the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, Json, open_store
from imagefinder.cli.output import print_json


def backup(
    to: Annotated[
        str, typer.Argument(metavar="FILE", help="The copy.", dir_okay=False, path_type=str)
    ],
    db: Db = DB,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the catalogue, verified, while other programs use it."""
    from imagefinder.stores.opening import file_at

    target = file_at(to, "a backup")
    with open_store(db) as store:
        size = store.backup(target, force)
    if as_json:
        print_json({"backup": str(target), "bytes": size})
    else:
        typer.echo(f"{size:,} bytes copied to {to}")
