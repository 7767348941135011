"""Command-line interface: one file per verb, which import slow modules only when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NoReturn

import typer

from imagefinder import __version__
from imagefinder._utils.text import one_line_with_file
from imagefinder.cli import options as panels
from imagefinder.cli.add import add
from imagefinder.cli.backup import backup
from imagefinder.cli.calibrate import calibrate
from imagefinder.cli.check import check
from imagefinder.cli.cluster import cluster
from imagefinder.cli.command import Command, Group
from imagefinder.cli.copy import copy
from imagefinder.cli.demo import demo
from imagefinder.cli.download import download
from imagefinder.cli.duplicates import duplicates
from imagefinder.cli.encoders import encoders
from imagefinder.cli.evaluate import evaluate
from imagefinder.cli.index import index
from imagefinder.cli.info import info
from imagefinder.cli.keys import keys
from imagefinder.cli.map import draw_map
from imagefinder.cli.match import match
from imagefinder.cli.mcp import mcp
from imagefinder.cli.metadata import metadata
from imagefinder.cli.models import models
from imagefinder.cli.output import plain
from imagefinder.cli.ping import ping
from imagefinder.cli.reduce import reduce
from imagefinder.cli.remove import remove
from imagefinder.cli.search import search
from imagefinder.cli.serve import serve
from imagefinder.cli.sync import sync
from imagefinder.cli.terminal import (
    handle_sigterm,
    log_to_stderr,
    prepare_streams,
    quiet_warnings,
)
from imagefinder.cli.train import train
from imagefinder.cli.upgrade import upgrade
from imagefinder.cli.vacuum import vacuum
from imagefinder.cli.vectors import embed, export, import_
from imagefinder.cli.watch import watch
from imagefinder.errors import ImageFinderError

_INTERRUPTED = 130

_VERBS: Mapping[str, Mapping[str, Callable[..., Any] | typer.Typer]] = {
    panels.START: {"demo": demo},
    panels.CATALOGUE: {
        "add": add,
        "sync": sync,
        "watch": watch,
        "remove": remove,
        "info": info,
        "metadata": metadata,
        "download": download,
        "upgrade": upgrade,
        "reduce": reduce,
        "index": index,
        "check": check,
        "backup": backup,
        "copy": copy,
        "vacuum": vacuum,
    },
    panels.SEARCH: {"search": search, "match": match, "duplicates": duplicates, "map": draw_map},
    panels.QUALITY: {"evaluate": evaluate, "calibrate": calibrate},
    panels.MODELS: {"encoders": encoders, "models": models, "train": train},
    panels.VECTORS: {"embed": embed, "export": export, "import": import_},
    panels.SERVER: {"serve": serve, "ping": ping, "keys": keys, "mcp": mcp, "cluster": cluster},
}


def _assembled() -> typer.Typer:
    program = typer.Typer(
        cls=Group,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for panel, verbs in _VERBS.items():
        for name, verb in verbs.items():
            if isinstance(verb, typer.Typer):
                program.add_typer(verb, name=name, rich_help_panel=panel)
            else:
                program.command(name, cls=Command, rich_help_panel=panel)(verb)
    return program


app = _assembled()


def main() -> None:
    """Run the command line; known failures are one line on stderr, never a traceback."""
    quiet_warnings()
    prepare_streams()
    try:
        handle_sigterm()
        app(prog_name="imagefinder")
    except ImageFinderError as error:
        _fail(str(error))
    except OSError as error:
        # what stdout still holds could not be written either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader, such as head, stopped reading
            sys.exit(1)
        _fail(one_line_with_file(error))
    except KeyboardInterrupt:  # before Typer handles it
        _interrupted()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # Typer's exit code for Ctrl-C
            _interrupted()
        raise


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imagefinder {__version__}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="FILE|URL",
            help="The catalogue, for any command.",
            callback=panels.no_folder,
        ),
    ] = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None,
        typer.Option(
            metavar="LEVEL",
            help="Log to stderr from this level on: debug, info, warning or error.",
            case_sensitive=False,
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Find the most similar images: from the shell, Python or HTTP."""
    if log_level is not None:
        log_to_stderr(log_level)
    if db is not None:
        context.with_resource(_catalogue(db))


@contextmanager
def _catalogue(db: str) -> Iterator[None]:
    """For the command that follows: the same as its own ``--db``."""
    before = os.environ.get("IMAGEFINDER_DB")
    os.environ["IMAGEFINDER_DB"] = db
    try:
        yield
    finally:
        if before is None:
            del os.environ["IMAGEFINDER_DB"]
        else:
            os.environ["IMAGEFINDER_DB"] = before


def _interrupted() -> NoReturn:
    _fail("interrupted; progress is saved, run the same command to resume", _INTERRUPTED)


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"imagefinder: {plain(message)}", err=True)
    sys.exit(code)
