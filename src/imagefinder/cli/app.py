"""The commands: thin, and quick to start (whatever is slow is imported where it is used)."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imagefinder import __version__
from imagefinder.cli.models import models
from imagefinder.cli.output import (
    hit_as_json,
    plain,
    print_hits,
    print_json,
    print_pairs,
    print_report,
    print_searches,
)
from imagefinder.cli.terminal import progress, quiet_libraries, ready_streams
from imagefinder.errors import CatalogueExists, ImageFinderError

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder

app = typer.Typer(
    help="Find the most similar pictures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models, name="models")

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
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")]

_DB = Path("imagefinder.db")
_DEMO = Path("imagefinder-demo")
_PORT = 8000
_MEGABYTES = 20
_STOPPED = 130


def main() -> None:
    """Run the command line; failures that we know are one line, never a traceback."""
    warnings.simplefilter("ignore")  # a decoder's remarks about a file are not the user's business
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    ready_streams()
    try:
        app(prog_name="imagefinder")
    except ImageFinderError as error:
        _fail(str(error))
    except OSError as error:
        # what stdout still holds could not be written either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
            sys.exit(1)
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    except SystemExit as end:
        if end.code == _STOPPED:  # what Typer makes of a Ctrl-C
            _fail(
                "stopped; what was done is kept, and the same command goes on from there", _STOPPED
            )
        raise


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"imagefinder {__version__}")
        raise typer.Exit


@app.callback()
def common(
    db: Annotated[
        Path | None,
        typer.Option("--db", help="The catalogue, for any command.", dir_okay=False),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Find the most similar pictures: in a folder, from the shell, Python or HTTP."""
    if db is not None:  # before the command's name it means the same as behind it
        os.environ["IMAGEFINDER_DB"] = str(db)


@app.command()
def add(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, or folders.")],
    db: Db = _DB,
    encoder: EncoderName = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Add pictures, or all pictures in folders, to the catalogue (which is made if need be)."""
    from imagefinder.inputs import absolute

    with _made(db, encoder, option) as finder, progress(paths) as bar:
        report = finder.add(paths, progress=bar)
    print_report(report, as_json)
    named = {str(absolute(path)) for path in paths}
    unusable = any(failure.path in named for failure in report.failed)
    if unusable or (report.failed and not report.done):
        raise typer.Exit(1)


@app.command()
def sync(
    folder: Annotated[str, typer.Argument(metavar="FOLDER")],
    db: Db = _DB,
    encoder: EncoderName = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Add what is new or changed in a folder, and take out what is no longer there."""
    with _made(db, encoder, option) as finder, progress([folder]) as bar:
        report = finder.sync(folder, progress=bar)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)


@app.command()
def remove(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PATH|ID...", help="Files, folders or ids.")
    ],
    db: Db = _DB,
    as_json: Json = False,
) -> None:
    """Take pictures out of the catalogue; their files are left alone."""
    with _opened(db) as finder:
        report = finder.remove(pictures)
    print_report(report, as_json)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def search(
    picture: Annotated[
        str,
        typer.Argument(metavar="PICTURE", help="A file, - for stdin, or an id."),
    ],
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 3,
    db: Db = _DB,
    encoder: SameEncoder = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Find the most similar pictures."""
    quiet_libraries()
    with _opened(db, encoder, option) as finder:
        name = finder.recipe.encoder
        hits = finder.search(sys.stdin.buffer if picture == "-" else picture, k)
    if as_json:
        found = [hit_as_json(hit) for hit in hits]
        print_json({"query": picture, "encoder": name, "hits": found})
    else:
        print_hits(hits, f"nearest to {plain(picture)} by {name}")


@app.command()
def info(db: Db = _DB, as_json: Json = False) -> None:
    """Say what the catalogue holds, and how its vectors were made."""
    with _opened(db) as finder:
        recipe, holds = finder.recipe, finder.statistics()
    about = {
        "catalogue": str(db.absolute()),
        "pictures": holds.pictures,
        "files": holds.files,
        "vectors": holds.vectors,
        "bytes": holds.size,
        "encoder": recipe.encoder,
        "dim": recipe.dim,
        "measure": recipe.measure,
        "options": {**recipe.options, **recipe.place},
    }
    if as_json:
        print_json(about)
    else:
        print_pairs(about.items())


@app.command()
def encoders(as_json: Json = False) -> None:
    """List the encoders there are."""
    from imagefinder.registry import plugins

    known = [
        (f"{name}:{plugin.argument}" if plugin.argument else name, plugin.about)
        for name, plugin in plugins("encoders").items()
    ]
    if as_json:
        print_json({"encoders": [{"name": name, "about": about} for name, about in known]})
    else:
        print_pairs(known)


@app.command()
def serve(
    db: Db = _DB,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Port = _PORT,
    max_upload: Annotated[
        int, typer.Option(min=1, metavar="MB", help="The largest upload taken, in megabytes.")
    ] = _MEGABYTES,
    encoder: SameEncoder = None,
    option: Options = None,
) -> None:
    """Answer searches over HTTP; the interactive documentation is at /docs."""
    from imagefinder.server import serve as run

    quiet_libraries()
    with _opened(db, encoder, option) as finder:
        try:
            run(finder, host, port, max_upload * 10**6)
        except KeyboardInterrupt:  # the way to stop it
            raise typer.Exit from None


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to draw the pictures.")] = _DEMO,
    then_serve: Annotated[bool, typer.Option("--serve", help="Then serve the gallery.")] = False,
    port: Port = _PORT,
    as_json: Json = False,
) -> None:
    """Draw a gallery, add it, and search it with views that were left out."""
    from imagefinder.demo import CATALOGUE, make_demo, search_all

    finder, queries = make_demo(folder)
    with finder:
        searches = search_all(finder, queries)
        pictures = len(finder)
    if as_json:
        hits = [
            {"query": str(one.query), "found": one.found, "hit": hit_as_json(one.hit)}
            for one in searches
        ]
        found = sum(one.found for one in searches)
        print_json({"pictures": pictures, "searches": len(searches), "found": found, "hits": hits})
    else:
        print_searches(searches, pictures)
        typer.echo(f"Now try: {_program()} search {queries[0]} --db {folder / CATALOGUE}")
    if then_serve:
        serve(db=folder / CATALOGUE, port=port)


def _opened(db: Path, encoder: str | None = None, options: list[str] | None = None) -> Finder:
    from imagefinder.finder import Finder

    return Finder.open(db, _encoder(encoder, options))


def _made(db: Path, encoder: str | None, options: list[str] | None) -> Finder:
    """The catalogue, made if it is missing."""
    from imagefinder.finder import Finder

    given = _encoder(encoder, options)
    if not Finder.exists(db):
        try:
            return Finder.create(db, given) if given else Finder.create(db)
        except CatalogueExists:
            pass  # another program was quicker
    return Finder.open(db, given)


def _encoder(name: str | None, options: list[str] | None) -> Encoder | None:
    """The one that was named, if one was."""
    from imagefinder.registry import make_encoder

    quiet_libraries()
    if name is None and options:
        raise typer.BadParameter("--option goes with --encoder")
    return make_encoder(name, _parsed(options)) if name is not None else None


def _program() -> str:
    """How to call this program, as it was called."""
    if shutil.which("imagefinder"):
        return "imagefinder"
    return sys.argv[0] if sys.argv[0].endswith("imagefinder") else "python -m imagefinder"


def _parsed(options: Iterable[str] | None) -> dict[str, Any]:
    """``mean=[0.5,0.5,0.5]`` and ``output=embedding`` alike: JSON if it is, else text."""
    parsed: dict[str, Any] = {}
    for given in options or ():
        name, equals, text = given.partition("=")
        if not equals:
            raise typer.BadParameter(f"--option is written NAME=VALUE, not {given!r}")
        try:
            parsed[name] = json.loads(text)
        except ValueError:
            parsed[name] = text
    return parsed


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"imagefinder: {plain(message)}", err=True)
    sys.exit(code)
