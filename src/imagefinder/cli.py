"""The command line: thin, and quick to start (whatever is slow is imported where it is used)."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from imagefinder import __version__
from imagefinder.errors import CatalogueExists, ImageError, ImageFinderError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from imagefinder.finder import Finder
    from imagefinder.types import Hit, Report

Item = TypeVar("Item")

app = typer.Typer(
    help="Find the most similar pictures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Db = Annotated[
    Path,
    typer.Option("--db", envvar="IMAGEFINDER_DB", help="The catalogue's file.", dir_okay=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")]
EncoderName = Annotated[
    str | None,
    typer.Option("--encoder", help="A new catalogue's encoder; `imagefinder encoders` lists them."),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="NAME=VALUE", help="An encoder's option; repeatable."),
]
_DB = Path("imagefinder.db")
_DEMO = Path("imagefinder-demo")
_SHOWN_FAILURES = 10
_WIDE = 500
_STOPPED = 130


def main() -> None:
    """Run the command line; failures that we know are one line, never a traceback."""
    warnings.simplefilter("ignore")  # a decoder's remarks about a file are not the user's business
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    _ready_streams()
    try:
        app(prog_name="imagefinder")
    except ImageFinderError as error:
        _fail(str(error))
    except UnicodeEncodeError as error:
        _fail(f"{error.object} is not UTF-8: rename it")
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


def _version(wanted: bool) -> None:
    if wanted:  # without a command
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
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Find the most similar pictures: in a folder, from the shell, Python or HTTP."""
    if db is not None:  # before the command's name it means the same as behind it
        os.environ["IMAGEFINDER_DB"] = str(db)


@app.command()
def add(
    # what cannot be read is named in the report, beside what can
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Pictures, or folders.", readable=False),
    ],
    db: Db = _DB,
    encoder: EncoderName = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Add pictures, or all pictures in folders, to the catalogue (which is made if need be)."""
    with _made(db, encoder, option) as finder, _progress(paths) as progress:
        report = finder.add(paths, progress=progress)
    _tell(report, as_json)
    if any(not path.expanduser().exists() for path in paths):
        raise typer.Exit(1)


@app.command()
def sync(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", readable=False)],
    db: Db = _DB,
    encoder: EncoderName = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Add what is new or changed in a folder, and take out what is no longer there."""
    with _made(db, encoder, option) as finder, _progress([folder]) as progress:
        report = finder.sync(folder, progress=progress)
    _tell(report, as_json)


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
    _tell(report, as_json)
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
    as_json: Json = False,
) -> None:
    """Find the most similar pictures."""
    with _opened(db) as finder:
        try:
            hits = finder.search(sys.stdin.buffer if picture == "-" else picture, k)
        except ImageError as error:
            raise type(error)(f"{picture}: {error}") from error
        encoder = str(finder.recipe)
        name = finder.recipe.encoder
    if as_json:
        _print_json({"query": picture, "encoder": name, "hits": [_hit(hit) for hit in hits]})
        return
    table = _table(f"nearest to {_plain(picture)} by {encoder if len(encoder) < 40 else name}")
    for title in ("rank", "score", "distance"):
        table.add_column(title, justify="right")
    table.add_column("id", no_wrap=True)
    table.add_column("path", overflow="fold")
    for hit in hits:
        distance = f"{hit.distance:.4g}"
        table.add_row(str(hit.rank), f"{hit.score:.4f}", distance, hit.id, _short(hit.path))
    _console().print(table if hits else "the catalogue has no pictures to compare with")


@app.command()
def info(db: Db = _DB, as_json: Json = False) -> None:
    """Say what the catalogue holds, and how its vectors were made."""
    with _opened(db) as finder:
        recipe, holds = finder.recipe, finder.statistics()
    about: dict[str, Any] = {
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
        _print_json(about)
        return
    table = _table()
    for name, value in about.items():
        table.add_row(name, _pretty(value))
    _console().print(table)


@app.command()
def encoders(as_json: Json = False) -> None:
    """List the encoders there are."""
    from imagefinder.registry import plugins

    known = [
        {
            "name": f"{name}:{p.argument}" if p.argument else name,
            "about": p.about,
            "extra": p.extra or None,
        }
        for name, p in plugins("encoders").items()
    ]
    if as_json:
        _print_json({"encoders": known})
        return
    table = _table()
    for encoder in known:
        table.add_row(encoder["name"], encoder["about"])
    _console().print(table)


@app.command()
def serve(
    db: Db = _DB,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    max_upload: Annotated[
        int, typer.Option(min=1, metavar="MB", help="The largest upload taken, in megabytes.")
    ] = 20,
) -> None:
    """Answer searches over HTTP; the interactive documentation is at /docs."""
    from imagefinder.server import serve as run

    with _opened(db):  # says what is wrong before anything listens
        pass
    _quiet_libraries()
    run(db, host, port, max_upload * 10**6)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to draw the pictures.")] = Path(
        "imagefinder-demo"
    ),
    then_serve: Annotated[bool, typer.Option("--serve", help="Then serve the gallery.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    as_json: Json = False,
) -> None:
    """Draw a gallery, add it, and search it with views that were left out."""
    from imagefinder.demo import make_demo, search_all

    finder, queries = make_demo(folder)
    with finder:
        searches = search_all(finder, queries)
        pictures = len(finder)
    found = sum(one.found for one in searches)
    catalogue = folder / "demo.db"
    if as_json:
        hits = [
            {"query": str(one.query), "found": one.found, "hit": _hit(one.hit)} for one in searches
        ]
        _print_json({"pictures": pictures, "searches": len(searches), "found": found, "hits": hits})
    else:
        from rich.text import Text

        table = _table(f"{len(searches)} views searched for among {pictures} others")
        for title in ("view left out", "best hit", "score", ""):
            table.add_column(title)
        for one in searches:
            query, hit = (
                f"{p.parent.name}/{p.stem}" for p in (one.query, Path(one.hit.path or ""))
            )
            verdict = Text("same scene") if one.found else Text("another scene", "bold red")
            table.add_row(query, hit, f"{one.hit.score:.3f}", verdict)
        console = _console()
        console.print(table)
        console.print(f"{found} of {len(searches)} found ({found / len(searches):.0%}).")
        console.print(f"Now try: imagefinder search {queries[0]} --db {catalogue}", soft_wrap=True)
    if then_serve:
        serve(db=catalogue, port=port)


def _opened(db: Path) -> Finder:
    from imagefinder.finder import Finder

    return Finder.open(db)


def _made(db: Path, encoder: str | None, options: list[str] | None) -> Finder:
    """The catalogue, made if it is missing."""
    from imagefinder.finder import Finder
    from imagefinder.registry import make_encoder

    if options and not encoder:
        raise typer.BadParameter("--option goes with --encoder")
    given = make_encoder(encoder, _parsed(options)) if encoder else None
    if not Finder.exists(db):
        try:
            return Finder.create(db, given) if given else Finder.create(db)
        except CatalogueExists:
            pass  # another program was quicker
    return Finder.open(db, given)


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


@contextmanager
def _progress(paths: list[Path]) -> Iterator[Callable[[Iterable[Item]], Iterable[Item]]]:
    """Wraps an iterable in a progress bar on stderr, if that is a terminal."""
    stderr = _quiet_libraries()
    if not stderr.isatty():
        yield iter
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from imagefinder.images import find_images

    total = sum(sum(1 for _ in find_images(path)) if path.is_dir() else 1 for path in paths)
    columns = TextColumn("adding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(file=stderr), transient=True) as bar:
        yield lambda items: bar.track(items, total=total)


def _quiet_libraries() -> Any:
    """Send what C libraries print (libtiff comments on damaged files) nowhere; ours still shows."""
    sys.stderr.flush()
    try:
        ours = os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace")
    except OSError:  # there is no stderr
        return sys.stderr
    sys.stderr = ours
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return ours


def _tell(report: Report, as_json: bool) -> None:
    """The report; exit code 1 if there was nothing but failures."""
    if as_json:
        _print_json({**asdict(report), "seconds": round(report.seconds, 3)})
    else:
        counts = ("added", "updated", "unchanged", "removed")
        parts = [f"{getattr(report, name)} {name}" for name in counts if getattr(report, name)]
        typer.echo(f"{', '.join(parts) or 'nothing to do'} in {report.seconds:.1f} s")
        for failure in report.failed[:_SHOWN_FAILURES]:
            typer.echo(f"failed: {_short(failure.path)}: {failure.reason}", err=True)
        more = len(report.failed) - _SHOWN_FAILURES
        if more > 0:
            typer.echo(f"... and {more} more failed; --json names all", err=True)
    if report.failed and not report.done:
        raise typer.Exit(1)


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "id": hit.id,
        "path": hit.path,
        "score": hit.score,
        "distance": hit.distance,
    }


def _view(path: Path | str | None) -> str:
    """Just ``scene/view``."""
    return "/".join(Path(path or "").with_suffix("").parts[-2:])


def _short(path: str | None) -> str:
    """As a person would write it from here."""
    if path is None:
        return "(given in memory)"
    return _plain(path.removeprefix(f"{Path.cwd()}{os.sep}"))


def _plain(text: str) -> str:
    """On one line, and harmless to a terminal, whatever is in a file's name."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _ready_streams() -> None:
    """Open those that the caller closed, and let stdout show any name in any locale."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays open
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _pretty(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name} = {item}" for name, item in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _console() -> Console:
    from rich.console import Console

    # what is piped on is not folded
    width = None if sys.stdout.isatty() else _WIDE
    return Console(width=width, markup=False, emoji=False)  # a name may look like either


def _table(title: str | None = None) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, show_header=bool(title), padding=(0, 1)
    )


def _print_json(document: Any) -> None:
    # a name that is no UTF-8 becomes an escape of JSON's own
    text = json.dumps(document, ensure_ascii=False, indent=2)
    typer.echo(text.encode("utf-8", "backslashreplace"))


def _fail(message: str, code: int = 1) -> None:
    typer.echo(f"imagefinder: {_plain(message)}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
