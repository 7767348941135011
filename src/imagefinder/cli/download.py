"""The command that fetches the images of a list, and what `add` needs of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import Json
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.downloads import Summary

Column = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The list's column of URLs, if it is not the one found."),
]
AllowPrivate = Annotated[
    bool,
    typer.Option("--allow-private", help="Fetch from addresses that are not public, too."),
]

_SHOWN_REASONS = 6


def download(
    source: Annotated[
        str, typer.Argument(metavar="LIST", help="CSV, TSV, JSONL or Parquet with URLs in it.")
    ],
    folder: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the images go.")
    ],
    column: Column = None,
    jobs: Annotated[int, typer.Option(min=1, max=4096, help="Fetches at a time.")] = 64,
    per_host: Annotated[int, typer.Option(min=1, help="Of them, those from one host.")] = 8,
    retries: Annotated[
        int, typer.Option(min=0, max=10, help="Further tries after what may pass.")
    ] = 2,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="For one URL, redirects included.")
    ] = 60,
    max_size: Annotated[
        int, typer.Option(min=1, metavar="MB", help="The largest file taken, in megabytes.")
    ] = 256,
    min_side: Annotated[
        int, typer.Option(min=1, metavar="PIXELS", help="Smaller ones are placeholders.")
    ] = 16,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again where there was no image before.")
    ] = False,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Download the images that a list names, each content once.

    Cut short at any moment, the same command goes on. FOLDER/results.csv says what became of each
    URL; `imagefinder add FOLDER` adds the images with what the list says of them.
    """
    from imagefinder.downloads import Settings
    from imagefinder.downloads.http import FetchLimits

    limits = FetchLimits(
        max_bytes=max_size * 10**6,
        seconds=timeout,
        silence=min(timeout, FetchLimits.silence),
        allow_private=allow_private,
    )
    settings = Settings(jobs, per_host, retries, min_side, limits)
    summary = _downloaded(source, folder, column, settings, retry_failed=retry_failed)
    if as_json:
        print_json(summary.as_json())
    else:
        _print(summary)
    if summary.urls and not summary.done:
        raise typer.Exit(1)


def fetched(
    paths: Sequence[str], db: Path, column: str | None, allow_private: bool, as_json: bool
) -> tuple[list[Any], list[Summary]]:
    """The paths, with summaries in the place of lists, which are downloaded; and those alone.

    The images go beside the catalogue: it needs them as long as it is there.
    """
    from imagefinder.downloads import Settings, is_list
    from imagefinder.downloads.http import FetchLimits

    settings = Settings(limits=FetchLimits(allow_private=allow_private))
    folder = str(db.with_name(f"{db.stem}-pictures"))
    given: list[Any] = [
        _downloaded(path, folder, column, settings) if is_list(path) else path for path in paths
    ]
    lists = [one for one in given if not isinstance(one, str)]
    for summary in lists if not as_json else ():
        _print(summary)
    return given, lists


def inputs(given: Iterable[str | Summary]) -> Iterator[Any]:
    """For ``Finder.add``: lists become their images, and downloaded folders bring metadata."""
    from imagefinder.downloads import described, is_filled

    for one in given:
        if not isinstance(one, str):
            yield from described(Path(one.results).parent, one.run)
        elif is_filled(one):
            yield from described(one)
        else:
            yield one


def _downloaded(
    source: str, folder: str, column: str | None, settings: Any, *, retry_failed: bool = False
) -> Summary:
    from imagefinder.downloads import count_urls
    from imagefinder.downloads import download as run

    with _bar(lambda: count_urls(source, column)) as told:
        return run(
            source,
            folder,
            column=column,
            retry_failed=retry_failed,
            settings=settings,
            progress=told,
        )


@contextmanager
def _bar(total: Callable[[], int]) -> Iterator[Callable[[bool], object]]:
    """What is to be told of each URL, and shows how many there were, how fast and how well."""
    stderr = quiet_libraries()
    if not stderr.isatty():
        yield bool
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("downloading"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]:,.0f}/s, {task.fields[share]:.0%} images"),
        bars.TimeRemainingColumn(),
    )
    began, done = monotonic(), 0
    with bars.Progress(*columns, console=Console(file=stderr), transient=True) as bar:
        task = bar.add_task("", total=total(), rate=0.0, share=1.0)

        def told(image: bool) -> None:
            nonlocal done
            done += image
            ended = bar.tasks[0].completed + 1
            rate = ended / max(monotonic() - began, 1e-9)
            bar.update(task, advance=1, rate=rate, share=done / ended)

        yield told


def _print(summary: Summary) -> None:
    images = f"{summary.images:,} images"
    typer.echo(
        f"{summary.done:,} of {summary.urls:,} URLs (column {plain(repr(summary.column))}) gave "
        f"{images} in {summary.seconds:.1f} s"
    )
    reasons = [f"{count:,} {reason}" for reason, count in summary.failed.items()]
    if reasons:
        more = ", …" if len(reasons) > _SHOWN_REASONS else ""
        typer.echo(f"without an image: {', '.join(reasons[:_SHOWN_REASONS])}{more}", err=True)
    typer.echo(f"each URL's end is in {short(summary.results)}")
