"""The verb `sync`: the catalogue follows a folder, or a list of URLs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.downloaded_sources import DownloadedSources
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import DB, FOLDERS, Db, Json
from imagefinder.cli.output import print_report
from imagefinder.cli.terminal import count_images, track
from imagefinder.stores.location import beside

if TYPE_CHECKING:
    from imagefinder.downloads import Summary
    from imagefinder.finder import Finder
    from imagefinder.types import Report


@takes_option_groups
def sync(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder of images, or a list of URLs.")
    ],
    db: Db = DB,
    *,
    images: IngestOptions,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Remove images even if their disk seems to be away, or their list damaged; "
            "replace files that a download has not made.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    remove_excluded: Annotated[
        bool,
        typer.Option(
            "--remove-excluded",
            help="Remove images that were added before they were excluded.",
            rich_help_panel=FOLDERS,
        ),
    ] = False,
    downloads: DownloadOptions,
    as_json: Json = False,
) -> None:
    """Update the catalogue from a folder or a list: add new images, remove missing ones.

    A folder that had several images and has none now is left as it is in the catalogue: its disk
    may be away. Of a list, the images are downloaded first, and those whose rows have left it are
    removed from the catalogue; their files are kept.
    """
    from imagefinder.downloads.folder import image_folder

    @cache
    def downloaded() -> DownloadedSources:
        return DownloadedSources.of([folder], str(image_folder(beside(db))), downloads)

    def check() -> None:
        _check(folder, downloads)
        downloaded().check(as_json)

    summary: Summary | None = None
    with images.opened(db, check) as finder:
        for summary in downloaded().lists:
            downloaded().say(as_json)
            report = _sync_list(finder, summary, images.checksum, force)
        if summary is None:
            with track("adding", lambda: count_images([folder], finder.excluded)) as bar:
                report = finder.sync(
                    folder,
                    progress=bar,
                    checksum=images.checksum,
                    force=force,
                    remove_excluded=remove_excluded,
                )
    print_report(report, as_json, {"lists": [summary.as_json()]} if summary else None)
    nothing = (report.failed or summary) and not report.done
    if report.kept or nothing:
        raise typer.Exit(1)


def _check(folder: str, downloads: DownloadOptions) -> None:
    from imagefinder.catalogue.sync import check_folder
    from imagefinder.downloads import is_list

    if is_list(folder):
        downloads.check([folder])
    else:
        check_folder(folder)


def _sync_list(finder: Finder, summary: Summary, checksum: bool, force: bool) -> Report:
    """Images whose rows have left the list leave the catalogue, unless the list seems damaged."""
    from imagefinder.types import Failure

    with track("adding", lambda: summary.images) as bar:
        report = finder.add(summary.inputs(), progress=bar, checksum=checksum)
    left = [str(path) for path in summary.unlisted()]
    doubt = summary.unusable or (None if summary.done else "no row has given an image")
    if doubt and left and not force:
        reason = f"{doubt}, so images whose rows are missing stay in the catalogue (--force)"
        return replace(report, kept=(Failure(summary.results, reason),))
    return replace(report, removed=finder.store.remove_files(left))
