"""The verb `add`: images into the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.downloaded_sources import DownloadedSources, opened_for
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import DB, Db, Json
from imagefinder.cli.terminal import track
from imagefinder.stores.location import beside


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
    from imagefinder.downloads.folder import image_folder

    def check() -> None:
        downloads.check(paths)

    def download() -> DownloadedSources:
        # beside the catalogue, which needs them as long as it exists
        return DownloadedSources.of(paths, str(image_folder(beside(db))), downloads)

    with (
        opened_for(images, db, check, download, as_json) as (finder, sources),
        track("adding", lambda: sources.count(finder.excluded)) as bar,
    ):
        report = finder.add(sources.inputs(), progress=bar, checksum=images.checksum)
    sources.end(report, as_json)
