"""The verb `watch`: the catalogue follows folders while their files change."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import DB, FOLDERS, Db
from imagefinder.cli.output import counts_in_words, plain, print_failures, report_as_json, short
from imagefinder.cli.terminal import quiet_libraries, track

if TYPE_CHECKING:
    from imagefinder.watching import Watched

_SETTLE = 1.0
_EVERY = 600.0

Settle = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Read a file when nothing has happened to it for so long.",
        rich_help_panel=FOLDERS,
    ),
]
Every = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=1.0,
        help="Sync whole folders so often: network mounts tell of no changes.",
        rich_help_panel=FOLDERS,
    ),
]


@takes_option_groups
def watch(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER", help="Folders of images.")],
    db: Db = DB,
    *,
    images: IngestOptions,
    settle: Settle = _SETTLE,
    every: Every = _EVERY,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document on a line for each change.")
    ] = False,
) -> None:
    """Keep the catalogue in step with folders, until it is stopped.

    Files that are new, changed, moved or deleted are taken in as they come, and images of files
    that are gone leave the catalogue. A folder that had several images and has none now is left as
    it is in the catalogue, and taken up again when its disk is back.
    """
    from imagefinder.watching import WatchOptions, watched_folders
    from imagefinder.watching import watch as run

    quiet_libraries()
    options = WatchOptions(settle, every, checksum=images.checksum)
    with images.opened(db, lambda: watched_folders(folders)) as finder, _stopped() as stop:
        for watched in run(finder, folders, options, progress=_with_bar, stop=stop):
            (_print_json if as_json else print_watched)(watched)


@contextmanager
def _stopped() -> Iterator[Event]:
    """Set by Ctrl-C or SIGTERM, so that a batch is finished; a second one ends the program."""
    stop = Event()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)

    for one in before:
        signal.signal(one, handle)
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _with_bar(images: Iterable[Any]) -> Iterator[Any]:
    with track("adding") as bar:
        yield from bar(images)


def print_watched(watched: Watched) -> None:
    """A line with the time, and the failures on stderr."""
    now = f"{datetime.now():%H:%M:%S}"
    if watched.report is None:
        typer.echo(f"{now} {plain(watched.problem or '')}; it is tried again", err=True)
        return
    typer.echo(f"{now} {short(watched.folder)}: {counts_in_words(watched.report)}")
    print_failures(watched.report.kept, "kept")
    print_failures(watched.report.warnings, "warning")
    print_failures(watched.report.failed)


def _print_json(watched: Watched) -> None:
    document: dict[str, Any] = {"folder": watched.folder, "problem": watched.problem}
    if watched.report is not None:
        document |= report_as_json(watched.report)
    text = json.dumps(document, ensure_ascii=False)
    typer.echo(text.encode("utf-8", "backslashreplace"))
