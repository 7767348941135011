"""The commands that look after a server's API keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagefinder.cli.options import Json
from imagefinder.cli.output import print_json, print_pairs

keys = typer.Typer(help="Make and take back the keys that a server may ask for.")

KeysFile = Annotated[
    Path, typer.Option("--keys", metavar="FILE", help="Where they are kept.", dir_okay=False)
]
_FILE = Path("imagefinder.keys")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]


@keys.command()
def add(
    name: Name,
    file: KeysFile = _FILE,
    write: Annotated[
        bool, typer.Option("--write", help="It may also add and delete images.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a key and print it; only its hash is kept, so it is shown this once."""
    from imagefinder.server.api_keys import KeyFile

    key = KeyFile(file).add(name, write)
    if as_json:
        print_json({"name": name, "key": key, "writes": write})
    else:
        typer.echo(key)


@keys.command("list")
def list_(file: KeysFile = _FILE, as_json: Json = False) -> None:
    """Say whose keys there are, and since when."""
    from imagefinder.server.api_keys import KeyFile

    kept = KeyFile(file).keys()
    if as_json:
        print_json(
            [
                {"name": name, "created": key.created, "writes": key.writes}
                for name, key in kept.items()
            ]
        )
    else:
        print_pairs(
            (name, f"{key.created}{', may write' if key.writes else ''}")
            for name, key in kept.items()
        )


@keys.command()
def remove(name: Name, file: KeysFile = _FILE) -> None:
    """Take a key back; running servers refuse it at once."""
    from imagefinder.server.api_keys import KeyFile

    KeyFile(file).remove(name)
