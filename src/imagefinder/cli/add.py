"""The verb `add`: images into the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.download import download_list, print_summary
from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import DB, Db, Json
from imagefinder.cli.output import print_report
from imagefinder.cli.sources import check_sources
from imagefinder.cli.terminal import count_images, track
from imagefinder.stores.location import beside

if TYPE_CHECKING:
    from imagefinder.downloads import Summary


@takes_option_groups
def add(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Images, folders, or lists of URLs to download."),
    ],
    db: Db = DB,
    *,
    images: IngestOptions,
    downloads: DownloadOptions,
    as_json: Json = False,
) -> None:
    """Add images, folders, or lists of URLs to the catalogue.

    The catalogue is created if it does not exist. The images of a list (CSV, TSV, TXT,
    JSON, JSONL, Parquet) are downloaded first, into a folder beside the catalogue; what --refresh
    replaces leaves the catalogue.
    """
    from imagefinder.images.inputs import stored_name

    named = {*map(stored_name, paths), *paths}
    with images.opened(db, lambda: check_sources(paths, downloads.column)) as finder:
        given = _downloaded(paths, db, downloads)
        lists = [one for one in given if not isinstance(one, str)]
        for summary in lists:
            finder.store.remove_files([str(path) for path in summary.replaced()])
            if not as_json:
                print_summary(summary)
        with track("adding", lambda: _count(given, finder.excluded)) as bar:
            report = finder.add(_inputs(given), progress=bar, checksum=images.checksum)
    print_report(report, as_json, {"lists": [one.as_json() for one in lists]} if lists else None)
    unusable = any(failure.path in named for failure in report.failed)
    nothing = (report.failed or any(one.urls for one in lists)) and not report.done
    if unusable or nothing:
        raise typer.Exit(1)


def _downloaded(paths: Sequence[str], db: str, options: DownloadOptions) -> list[str | Summary]:
    """The paths, with each list downloaded: the catalogue needs its images as long as it exists."""
    from imagefinder.downloads import is_list
    from imagefinder.downloads.folder import image_folder

    folder = str(image_folder(beside(db)))
    return [download_list(path, folder, options) if is_list(path) else path for path in paths]


def _count(given: Sequence[str | Summary], globs: Sequence[str]) -> int:
    lists = sum(one.images for one in given if not isinstance(one, str))
    return lists + count_images((one for one in given if isinstance(one, str)), globs)


def _inputs(given: Sequence[str | Summary]) -> Iterator[Any]:
    for one in given:
        if isinstance(one, str):
            yield one
        else:
            yield from one.inputs()
