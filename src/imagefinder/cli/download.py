"""The verb `download`: the images of a list of URLs."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.options import DOWNLOADS, AllowPrivate, Column, Json
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import progress_bar

if TYPE_CHECKING:
    from imagefinder.downloads import DownloadSettings, Summary

_SHOWN_REASONS = 6


_Source = Annotated[
    str, typer.Argument(metavar="LIST", help="A CSV, TSV, JSONL or Parquet file with URLs.")
]
_Folder = Annotated[
    str, typer.Option("--output", "-o", metavar="FOLDER", help="Where to save the images.")
]
_Jobs = Annotated[
    int,
    typer.Option(
        min=1, max=4096, metavar="N", help="Concurrent downloads.", rich_help_panel=DOWNLOADS
    ),
]
_PerHost = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Concurrent downloads from any one host.",
        rich_help_panel=DOWNLOADS,
    ),
]
_Retries = Annotated[
    int,
    typer.Option(
        min=0,
        max=10,
        metavar="N",
        help="Retries after a temporary failure.",
        rich_help_panel=DOWNLOADS,
    ),
]
_Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit per URL, redirects included.",
        rich_help_panel=DOWNLOADS,
    ),
]
_MaxSize = Annotated[
    int,
    typer.Option(
        min=1, metavar="MB", help="Skip files larger than this.", rich_help_panel=DOWNLOADS
    ),
]
_MinSide = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="PIXELS",
        help="Skip images with a shorter side than this: they are placeholders.",
        rich_help_panel=DOWNLOADS,
    ),
]
_RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Try again the URLs that failed in an earlier run.",
        rich_help_panel=DOWNLOADS,
    ),
]


def download(
    source: _Source,
    folder: _Folder,
    column: Column = None,
    jobs: _Jobs = 64,
    per_host: _PerHost = 8,
    retries: _Retries = 2,
    timeout: _Timeout = 60,
    max_size: _MaxSize = 256,
    min_side: _MinSide = 16,
    retry_failed: _RetryFailed = False,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Download the images of a list of URLs, each distinct image once.

    An interrupted download resumes when the same command is run again. FOLDER/results.csv records
    the outcome of every URL; `imagefinder add FOLDER` adds the images with the list's metadata.
    """
    from imagefinder.downloads import DownloadSettings
    from imagefinder.downloads.http import FetchLimits

    limits = FetchLimits(
        max_bytes=max_size * 10**6,
        seconds=timeout,
        silence=min(timeout, FetchLimits.silence),
        allow_private=allow_private,
    )
    settings = DownloadSettings(jobs, per_host, retries, min_side, limits)
    summary = download_list(source, folder, column, settings, retry_failed=retry_failed)
    if as_json:
        print_json(summary.as_json())
    else:
        print_summary(summary)
    if summary.urls and not summary.done:
        raise typer.Exit(1)


def download_list(
    source: str,
    folder: str,
    column: str | None,
    settings: DownloadSettings,
    *,
    retry_failed: bool = False,
) -> Summary:
    """Download a list, with a progress bar: how many URLs, how fast, and how many give images."""
    from imagefinder import downloads

    with progress_bar() as bar:
        total = downloads.count_urls(source, column) if bar.is_shown else None
        began, ended, images = monotonic(), 0, 0

        def show(image: bool) -> None:
            nonlocal ended, images
            ended, images = ended + 1, images + image
            rate = ended / max(monotonic() - began, 1e-9)
            bar.update("downloading", ended, total, f"{rate:,.0f}/s, {images / ended:.0%} images")

        return downloads.download(
            source,
            folder,
            column=column,
            retry_failed=retry_failed,
            settings=settings,
            progress=show if bar.is_shown else bool,
        )


def print_summary(summary: Summary) -> None:
    """How many URLs gave an image, and why the others did not."""
    typer.echo(
        f"{summary.done:,} of {summary.urls:,} URLs (column {plain(repr(summary.column))}) gave "
        f"{summary.images:,} images in {summary.seconds:.1f} s"
    )
    reasons = [f"{count:,} {reason}" for reason, count in summary.failed.items()]
    if reasons:
        more = ", …" if len(reasons) > _SHOWN_REASONS else ""
        typer.echo(f"without an image: {', '.join(reasons[:_SHOWN_REASONS])}{more}", err=True)
    typer.echo(f"the outcome of every URL is in {short(summary.results)}")
