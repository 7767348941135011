"""The verbs `keys`: API keys of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagefinder.cli.command import Command, Group
from imagefinder.cli.options import Json
from imagefinder.cli.output import print_json, print_pairs

keys = typer.Typer(cls=Group, help="Create, list and revoke the API keys of a server.")

KeysFile = Annotated[
    Path, typer.Option("--keys", metavar="FILE", help="The file of keys.", dir_okay=False)
]
_FILE = Path("imagefinder.keys")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the key's owner.")]


@keys.command(cls=Command)
def add(
    name: Name,
    file: KeysFile = _FILE,
    write: Annotated[
        bool, typer.Option("--write", help="The key also allows adding and deleting images.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create a key and print it; only its hash is stored, so it is shown only once."""
    from imagefinder.server.api_keys import KeyFile

    key = KeyFile(file).add(name, write)
    if as_json:
        print_json({"name": name, "key": key, "writes": write})
    else:
        typer.echo(key)


@keys.command("list", cls=Command)
def list_(file: KeysFile = _FILE, as_json: Json = False) -> None:
    """List the keys by owner, with their dates of creation."""
    from imagefinder.server.api_keys import KeyFile

    stored = KeyFile(file).keys()
    if as_json:
        print_json(
            [
                {"name": name, "created": key.created, "writes": key.writes}
                for name, key in stored.items()
            ]
        )
    else:
        print_pairs(
            (name, f"{key.created}{', may write' if key.writes else ''}")
            for name, key in stored.items()
        )


@keys.command(cls=Command)
def remove(name: Name, file: KeysFile = _FILE) -> None:
    """Revoke a key; running servers reject it at once."""
    from imagefinder.server.api_keys import KeyFile

    KeyFile(file).remove(name)
