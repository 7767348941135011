"""The verb `vacuum`: free pages of the catalogue given back to the disk."""

from __future__ import annotations

import typer

from imagefinder.cli.options import DB, Db, Json, open_store
from imagefinder.cli.output import print_json
from imagefinder.stores.location import display


def vacuum(db: Db = DB, as_json: Json = False) -> None:
    """Give the space that removed images left in the catalogue back to the disk."""
    with open_store(db) as store:
        freed = store.vacuum()
    if as_json:
        print_json({"catalogue": display(db), "freed": freed})
    else:
        typer.echo(f"{freed:,} bytes given back")
