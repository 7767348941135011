"""The commands: thin, and quick to start (whatever is slow is imported where it is used)."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imagefinder import __version__
from imagefinder.cli import download, evaluate, ping, search, serve, train, vectors
from imagefinder.cli import map as map_
from imagefinder.cli.calibrate import calibrate, calibration_as_json
from imagefinder.cli.duplicates import duplicates
from imagefinder.cli.index import index
from imagefinder.cli.keys import keys
from imagefinder.cli.models import models
from imagefinder.cli.options import (
    DB,
    Db,
    EncoderName,
    Json,
    Local,
    Options,
    made,
    opened,
)
from imagefinder.cli.output import (
    hit_as_json,
    plain,
    print_json,
    print_pairs,
    print_report,
    print_searches,
)
from imagefinder.cli.terminal import heed_termination, progress, ready_streams
from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.registry.plugins import Family

app = typer.Typer(
    help="Find the most similar images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models, name="models")
app.add_typer(index, name="index")
app.add_typer(keys, name="keys")

_DEMO = Path("imagefinder-demo")
_STOPPED = 130


def main() -> None:
    """Run the command line; failures that we know are one line, never a traceback."""
    warnings.simplefilter("ignore")  # a decoder's remarks about a file are not the user's business
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    ready_streams()
    try:
        heed_termination()
        app(prog_name="imagefinder")
    except ImageFinderError as error:
        _fail(str(error))
    except OSError as error:
        # what stdout still holds could not be written either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
            sys.exit(1)
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    except KeyboardInterrupt:  # before Typer was ready for it
        _stopped()
    except SystemExit as end:
        if end.code == _STOPPED:  # what Typer makes of a Ctrl-C
            _stopped()
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
    """Find the most similar images: in a folder, from the shell, Python or HTTP."""
    if db is not None:  # before the command's name it means the same as behind it
        os.environ["IMAGEFINDER_DB"] = str(db)


@app.command()
def add(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Images, folders, or lists of URLs to download."),
    ],
    db: Db = DB,
    encoder: EncoderName = None,
    option: Options = None,
    local: Local = None,
    column: download.Column = None,
    allow_private: download.AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Add images, all images in folders, or those of lists, to the catalogue.

    It is made if need be. What a list (CSV, TSV, JSONL, Parquet) leads to is downloaded first,
    into a folder beside the catalogue.
    """
    from imagefinder.images.inputs import absolute

    named = {str(absolute(path)) for path in paths}
    with made(db, encoder, option, local) as finder:
        given, lists = download.fetched(paths, db, column, allow_private, as_json)
        files = [path for path in given if isinstance(path, str)]
        with progress(files, more=sum(one.images for one in lists)) as bar:
            report = finder.add(download.inputs(given), progress=bar)
    print_report(report, as_json, {"lists": [one.as_json() for one in lists]} if lists else None)
    unusable = any(failure.path in named for failure in report.failed)
    nothing = (report.failed or any(one.urls for one in lists)) and not report.done
    if unusable or nothing:
        raise typer.Exit(1)


@app.command()
def sync(
    folder: Annotated[str, typer.Argument(metavar="FOLDER")],
    db: Db = DB,
    encoder: EncoderName = None,
    option: Options = None,
    local: Local = None,
    as_json: Json = False,
) -> None:
    """Add what is new or changed in a folder, and take out what is no longer there."""
    with made(db, encoder, option, local) as finder, progress([folder]) as bar:
        report = finder.sync(folder, progress=bar)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)


@app.command()
def remove(
    images: Annotated[
        list[str], typer.Argument(metavar="PATH|ID...", help="Files, folders or ids.")
    ],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Take images out of the catalogue; their files are left alone."""
    with opened(db) as finder:
        report = finder.remove(images)
    print_report(report, as_json)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def info(db: Db = DB, as_json: Json = False) -> None:
    """Say what the catalogue holds, and how its vectors were made."""
    from imagefinder.search.calibration.store import load as load_calibration

    with opened(db) as finder:
        recipe, extractor = finder.recipe, finder.store.extractor
        searched = finder.store.index
        holds = finder.statistics()
        told = calibration_as_json(load_calibration(finder.store, recipe.measure), holds.images)
    about: dict[str, Any] = {
        "catalogue": str(db.absolute()),
        "images": holds.images,
        "files": holds.files,
        "vectors": holds.vectors,
        "bytes": holds.size,
        "encoder": recipe.encoder,
        "dim": recipe.dim,
        "measure": recipe.measure,
        "index": {searched.kind: dict(searched.options)} if searched.options else searched.kind,
        "options": {**recipe.options, **recipe.runtime},
        "local features": extractor.encoder if extractor else None,
    }
    if extractor and holds.images:
        about["local options"] = {**extractor.options, **extractor.runtime}
        about["local bytes an image"] = round(holds.local_bytes / holds.images)
    about["calibration"] = told
    if as_json:
        print_json(about)
    else:
        print_pairs(about.items())


@app.command()
def encoders(as_json: Json = False) -> None:
    """List the encoders there are, and the extractors of local features."""
    from imagefinder.registry.plugins import plugins

    def known(family: Family) -> list[tuple[str, str]]:
        return [
            (f"{name}:{plugin.argument}" if plugin.argument else name, plugin.about)
            for name, plugin in plugins(family).items()
        ]

    families: tuple[Family, ...] = ("encoders", "extractors", "matchers")
    if as_json:
        listed = {
            family: [{"name": name, "about": about} for name, about in known(family)]
            for family in families
        }
        print_json(listed)
        return
    titles = ("", "\nlocal features, with --local:", "\na second look by them, with --rerank:")
    for family, title in zip(families, titles, strict=True):
        if title:
            typer.echo(title)
        print_pairs(known(family))


@app.command()
def reduce(
    to: Annotated[Path, typer.Argument(metavar="NEW.db", help="The smaller catalogue.")],
    dim: Annotated[int, typer.Option(min=1, help="Numbers in each of its vectors.")],
    db: Db = DB,
    whiten: Annotated[
        bool, typer.Option("--whiten", help="Let all directions count alike.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a smaller catalogue of the same images, by principal components (PCA)."""
    from imagefinder.catalogue import reduction

    with opened(db) as finder, reduction.reduce(finder, to, dim=dim, whiten=whiten) as smaller:
        before, after = finder.statistics().size, smaller.statistics().size
        about = {"catalogue": str(to), "images": len(smaller), "dim": dim, "bytes": after}
    if as_json:
        print_json(about)
    else:
        typer.echo(f"{about['images']} images; {before:,} bytes became {after:,}")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to draw the images.")] = _DEMO,
    then_serve: Annotated[bool, typer.Option("--serve", help="Then serve the gallery.")] = False,
    port: serve.Port = serve.PORT,
    as_json: Json = False,
) -> None:
    """Draw a gallery, add it, and search it with views that were left out."""
    from imagefinder.cli.demo import CATALOGUE, make_demo, search_all

    finder, queries = make_demo(folder)
    with finder:
        searches = search_all(finder, queries)
        images = len(finder)
    if as_json:
        hits = [
            {"query": str(one.query), "found": one.found, "hit": hit_as_json(one.hit)}
            for one in searches
        ]
        found = sum(one.found for one in searches)
        print_json({"images": images, "searches": len(searches), "found": found, "hits": hits})
    else:
        print_searches(searches, images)
        typer.echo(f"Now try: {_program()} search {queries[0]} --db {folder / CATALOGUE}")
    if then_serve:
        serve.serve(db=folder / CATALOGUE, port=port)


app.command()(download.download)
app.command()(search.search)
app.command()(search.match)
app.command()(serve.serve)
app.command()(ping.ping)
app.command()(evaluate.evaluate)
app.command()(train.train)
app.command()(calibrate)
app.command()(duplicates)
app.command("map")(map_.draw_map)
app.command()(vectors.embed)
app.command()(vectors.export)
app.command("import")(vectors.import_)


def _program() -> str:
    """How to call this program, as it was called."""
    if shutil.which("imagefinder"):
        return "imagefinder"
    return sys.argv[0] if sys.argv[0].endswith("imagefinder") else "python -m imagefinder"


def _stopped() -> NoReturn:
    _fail("stopped; what was done is kept, and the same command goes on from there", _STOPPED)


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"imagefinder: {plain(message)}", err=True)
    sys.exit(code)
