"""Options that several commands share, and the panels in which help shows them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.completion import encoder_names, extractor_names, matcher_names, measure_names
from imagefinder.cli.terminal import quiet_libraries
from imagefinder.errors import CatalogueExists
from imagefinder.stores.location import store_of

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder, Extractor, Store

START = "Getting started"
CATALOGUE = "Catalogue"
SEARCH = "Search"
QUALITY = "Quality"
MODELS = "Encoders and models"
VECTORS = "Vectors"
SERVER = "Server"
"""The panels of commands, in the order of the program's help."""

ENCODING = "Encoder"
DOWNLOADS = "Downloads"
FOLDERS = "Folders"
"""Panels of options."""


def no_folder(catalogue: str | None) -> str | None:
    """A path or a URL, unless it is that of a folder of images. Raises BadParameter.

    The option is a text, since a Path would spoil a URL.
    """
    if catalogue is not None and store_of(catalogue) == "sqlite" and os.path.isdir(catalogue):
        raise typer.BadParameter(f"{catalogue} is a folder: name the file of the catalogue")
    return catalogue


Db = Annotated[
    str,
    typer.Option(
        "--db",
        envvar="IMAGEFINDER_DB",
        metavar="FILE|URL",
        help="The catalogue.",
        callback=no_folder,
    ),
]
At = Annotated[
    int | None,
    typer.Option(
        "--at",
        metavar="VERSION",
        min=1,
        help="Read an older version of a catalogue in Lance; `info` shows the newest.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="Encoder of a new catalogue; standard if not given (see `imagefinder encoders`).",
        autocompletion=encoder_names,
        rich_help_panel=ENCODING,
    ),
]
SameEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="The catalogue's own encoder, if its model file has moved.",
        autocompletion=encoder_names,
        rich_help_panel=ENCODING,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        help="Set an option of the encoder; repeatable.",
        rich_help_panel=ENCODING,
    ),
]
Local = Annotated[
    str | None,
    typer.Option(
        "--local",
        metavar="NAME",
        help="Local features that a new catalogue also stores, such as sift.",
        autocompletion=extractor_names,
        rich_help_panel=ENCODING,
    ),
]
Regions = Annotated[
    int | None,
    typer.Option(
        "--regions",
        metavar="2|3",
        min=2,
        max=3,
        help="A new catalogue also stores vectors of regions: 2 × 2, or 3 × 3 as well.",
        rich_help_panel=ENCODING,
    ),
]
Rerank = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="NAME",
        help="Re-rank by local features: mutual or geometric.",
        autocompletion=matcher_names,
        rich_help_panel="Ranking",
    ),
]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        metavar="NAME",
        help="cosine, l2 or dot instead of the encoder's own measure; several are fused.",
        autocompletion=measure_names,
        rich_help_panel="Ranking",
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column of the list that holds the URLs; detected if not given.",
        rich_help_panel=DOWNLOADS,
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Also fetch from private addresses.",
        rich_help_panel=DOWNLOADS,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Pass over what matches, now and later: a pattern as in a .gitignore; repeatable.",
        rich_help_panel=FOLDERS,
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="GLOB",
        help="Take an --exclude back, or take in what is excluded by default; repeatable.",
        rich_help_panel=FOLDERS,
    ),
]
Checksum = Annotated[
    bool,
    typer.Option(
        "--checksum",
        help="Read every file again, even with the same size and modification time.",
        rich_help_panel=FOLDERS,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse truncated images instead of taking what is there."),
]

Force = Annotated[
    bool, typer.Option("--force", help="Replace a file that this command did not make.")
]

DB = "imagefinder.db"


@contextmanager
def usage_errors() -> Iterator[None]:
    """A ValueError inside becomes a usage error (exit code 2)."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def open_finder(
    db: str,
    encoder: str | None = None,
    options: list[str] | None = None,
    at: int | None = None,
) -> Finder:
    """The catalogue, which must exist, or an older version of it."""
    from imagefinder.finder import Finder

    return Finder.open(db, make_encoder(encoder, options), version=at)


@contextmanager
def open_store(db: str) -> Iterator[Store]:
    """The store of the catalogue, which must exist: its encoder need not be installed."""
    from imagefinder.stores import opening

    store = opening.open_store(db)
    try:
        yield store
    finally:
        store.close()


def open_or_create(db: str, encoder: str | None, options: list[str] | None) -> Finder:
    """The catalogue, created if it is missing."""
    return open_or_create_with(db, make_encoder(encoder, options))


def open_or_create_with(
    db: str,
    encoder: Encoder | None,
    local: str | Extractor | None = None,
    regions: int | None = None,
) -> Finder:
    """The same, with an encoder that is already made."""
    from imagefinder.finder import Finder

    if not Finder.exists(db):
        try:
            return Finder.create(db, encoder, local=local, regions=regions)
        except CatalogueExists:
            pass  # another program was quicker
    return Finder.open(db, encoder, local=local, regions=regions)


def make_encoder(name: str | None, options: list[str] | None) -> Encoder | None:
    """The encoder of that name, if one is given."""
    from imagefinder.registry import factory

    quiet_libraries()
    checked = encoder_options(name, options)
    return factory.make_encoder(name, checked) if name is not None else None


def encoder_options(name: str | None, options: list[str] | None) -> dict[str, Any]:
    """The options of the encoder of that name. Raises BadParameter."""
    if name is None and options:
        raise typer.BadParameter("--option needs --encoder")
    return parse_options(options)


def parse_options(options: Iterable[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; a value is JSON if it parses as such, else text."""
    values: dict[str, Any] = {}
    for given in options or ():
        name, equals, text = given.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected NAME=VALUE, not {given!r}")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
