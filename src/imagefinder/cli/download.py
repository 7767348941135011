"""The verb `download`: the images of a list of URLs."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder._utils.text import plural
from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import Json
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import progress_bar

if TYPE_CHECKING:
    from imagefinder.downloads import Summary
    from imagefinder.downloads.image_fetcher import Fetching

_SHOWN_REASONS = 6
_HINTS = {
    "private-address": "--allow-private fetches from private addresses, as on an intranet",
    "changed-file": "--force replaces files that were changed since they were downloaded",
}
_TEMPORARY = frozenset(("connect", "cut-short", "dns", "silence", "timeout", "worker-lost"))


@takes_option_groups
def download(
    source: Annotated[
        str,
        typer.Argument(metavar="LIST", help="A CSV, TSV, TXT, JSON, JSONL or Parquet file."),
    ],
    folder: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Where to save the images.")
    ],
    downloads: DownloadOptions,
    as_json: Json = False,
) -> None:
    """Download the images of a list of URLs, each distinct image once.

    An interrupted download resumes when the same command is run again. FOLDER/results.csv records
    the outcome of every URL; `imagefinder add FOLDER` adds the images with the list's metadata.
    """
    summary = download_list(source, folder, downloads)
    if as_json:
        print_json(summary.as_json())
    else:
        print_summary(summary)
    if summary.urls and not summary.done:
        raise typer.Exit(1)


def download_list(
    source: str, folder: str, options: DownloadOptions, fetching: Fetching | None = None
) -> Summary:
    """Download a list, with a progress bar: how many URLs, how fast, and how many give images.

    URLs are fetched here if it is not said where.
    """
    from imagefinder import downloads
    from imagefinder.downloads.image_fetcher import fetching_here

    settings = options.settings()
    with progress_bar() as bar:
        total = downloads.count_urls(source, options.column) if bar.is_shown else None
        began, ended, images = monotonic(), 0, 0

        def show(image: bool) -> None:
            nonlocal ended, images
            ended, images = ended + 1, images + image
            rate = ended / max(monotonic() - began, 1e-9)
            bar.update("downloading", ended, total, f"{rate:,.0f}/s, {images / ended:.0%} images")

        return downloads.download(
            source,
            folder,
            column=options.column,
            retry_failed=options.retry_failed,
            refresh=options.refresh,
            force=options.force,
            settings=settings,
            progress=show if bar.is_shown else bool,
            fetching=fetching or fetching_here,
        )


def print_summary(summary: Summary) -> None:
    """How many URLs gave an image, why the others did not, and what may help."""
    what = "rows with images" if summary.embedded else "URLs"
    typer.echo(
        f"{summary.done:,} of {summary.urls:,} {what} (column {plain(repr(summary.column))}) gave "
        f"{plural(summary.images, 'image')} in {summary.seconds:.1f} s"
    )
    if summary.changed:
        typer.echo(f"{summary.changed:,} of them had changed")
    reasons = [f"{count:,} {reason}" for reason, count in summary.failed.items()]
    if reasons:
        more = ", …" if len(reasons) > _SHOWN_REASONS else ""
        typer.echo(f"without an image: {', '.join(reasons[:_SHOWN_REASONS])}{more}", err=True)
    if summary.unusable:
        typer.echo(f"the first row that cannot be used: {plain(summary.unusable)}", err=True)
    for hint in _hints(summary):
        typer.echo(hint, err=True)
    each = "row" if summary.embedded else "URL"
    typer.echo(f"the outcome of every {each} is in {short(summary.results)}")


def _hints(summary: Summary) -> list[str]:
    hints = [hint for reason, hint in _HINTS.items() if reason in summary.failed]
    if _TEMPORARY.intersection(summary.failed):
        hints.append("--retry-failed tries again what failed")
    return hints
