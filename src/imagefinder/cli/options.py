"""The catalogue and the encoder that a command's options speak of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.terminal import quiet_libraries
from imagefinder.errors import CatalogueExists

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder

Db = Annotated[
    Path,
    typer.Option("--db", envvar="IMAGEFINDER_DB", help="The catalogue's file.", dir_okay=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder", help="A new catalogue's encoder (see `imagefinder encoders`; compact)."
    ),
]
SameEncoder = Annotated[
    str | None,
    typer.Option("--encoder", help="The catalogue's own, where its model has moved to."),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="NAME=VALUE", help="An encoder's option; repeatable."),
]
Local = Annotated[
    str | None,
    typer.Option(
        "--local", metavar="NAME", help="Local features for a new catalogue to keep too: sift."
    ),
]

DB = Path("imagefinder.db")


def opened(db: Path, encoder: str | None = None, options: list[str] | None = None) -> Finder:
    """The catalogue that is there."""
    from imagefinder.finder import Finder

    return Finder.open(db, encoder_named(encoder, options))


def made(
    db: Path, encoder: str | None, options: list[str] | None, local: str | None = None
) -> Finder:
    """The catalogue, made if it is missing."""
    return made_by(db, encoder_named(encoder, options), local)


def made_by(db: Path, given: Encoder | None, local: str | None = None) -> Finder:
    """The same, with an encoder that is made already."""
    from imagefinder.finder import Finder
    from imagefinder.registry.plugins import DEFAULT_ENCODER

    if not Finder.exists(db):
        try:
            return Finder.create(db, given or DEFAULT_ENCODER, local=local)
        except CatalogueExists:
            pass  # another program was quicker
    return Finder.open(db, given, local=local)


def encoder_named(name: str | None, options: list[str] | None) -> Encoder | None:
    """The one that was named, if one was."""
    from imagefinder.registry.factory import make_encoder

    quiet_libraries()
    if name is None and options:
        raise typer.BadParameter("--option goes with --encoder")
    return make_encoder(name, parsed(options)) if name is not None else None


def parsed(options: Iterable[str] | None) -> dict[str, Any]:
    """``mean=[0.5,0.5,0.5]`` and ``output=embedding`` alike: JSON if it is, else text."""
    values: dict[str, Any] = {}
    for given in options or ():
        name, equals, text = given.partition("=")
        if not equals:
            raise typer.BadParameter(f"it is written NAME=VALUE, not {given!r}")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
