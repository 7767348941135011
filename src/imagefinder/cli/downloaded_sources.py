"""Sources of `add`, once their lists are downloaded: files, folders, and what lists gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from imagefinder.cli.download import download_list, print_summary
from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.output import print_report
from imagefinder.cli.sources import check_sources
from imagefinder.cli.terminal import count_images

if TYPE_CHECKING:
    from imagefinder.downloads import Summary
    from imagefinder.downloads.image_fetcher import Fetching
    from imagefinder.finder import Finder
    from imagefinder.types import Report, Store


@dataclass(frozen=True)
class DownloadedSources:
    """Paths as they were given, each list with its downloads in its place."""

    paths: Sequence[str]
    given: Sequence[str | Summary]

    @classmethod
    def of(
        cls,
        paths: Sequence[str],
        folder: str,
        options: DownloadOptions,
        fetching: Fetching | None = None,
    ) -> DownloadedSources:
        """With the lists among the paths downloaded into a folder."""
        from imagefinder.downloads import is_list

        return cls(
            paths,
            [
                download_list(path, folder, options, fetching) if is_list(path) else path
                for path in paths
            ],
        )

    @property
    def lists(self) -> list[Summary]:
        """What was downloaded."""
        return [one for one in self.given if not isinstance(one, str)]

    def check(self, as_json: bool) -> None:
        """Raises what is wrong if there is no image to make a new catalogue of.

        It exits with 1, and says what was downloaded, if that were lists of which no row has given
        an image.
        """
        from imagefinder.types import Report

        if any(one.images for one in self.lists):
            return
        others = [one for one in self.given if isinstance(one, str)]
        check_sources(others)
        if not others:
            self.say(as_json)
            self.end(Report(), as_json)

    def begin(self, store: Store, as_json: bool) -> None:
        """Say what was downloaded; what others have replaced leaves the catalogue."""
        for summary in self.lists:
            store.remove_files([str(path) for path in summary.replaced()])
        self.say(as_json)

    def say(self, as_json: bool) -> None:
        """Say what was downloaded, unless the report does."""
        if not as_json:
            for summary in self.lists:
                print_summary(summary)

    def count(self, globs: Sequence[str]) -> int:
        """How many images there are."""
        files = (one for one in self.given if isinstance(one, str))
        return sum(one.images for one in self.lists) + count_images(files, globs)

    def inputs(self) -> Iterator[Any]:
        """For ``Finder.add``."""
        for one in self.given:
            if isinstance(one, str):
                yield one
            else:
                yield from one.inputs()

    def end(self, report: Report, as_json: bool) -> None:
        """Print the report, and exit with 1 if a path was of no use, or nothing was done."""
        from imagefinder.images.inputs import stored_name

        lists = self.lists
        more = {"lists": [one.as_json() for one in lists]} if lists else None
        print_report(report, as_json, more)
        named = {*map(stored_name, self.paths), *self.paths}
        unusable = any(failure.path in named for failure in report.failed)
        nothing = (report.failed or lists) and not report.done
        if unusable or nothing:
            raise typer.Exit(1)


@contextmanager
def opened_for(
    images: IngestOptions,
    db: str,
    check: Callable[[], object],
    download: Callable[[], DownloadedSources],
    as_json: bool,
) -> Iterator[tuple[Finder, DownloadedSources]]:
    """The catalogue, and its sources, whose lists are downloaded before a new one is created.

    So a list that gives no image leaves no empty catalogue. ``check`` comes before the download.
    """
    downloaded = cache(download)

    def check_new() -> None:
        check()
        downloaded().check(as_json)

    with images.opened(db, check_new) as finder:
        sources = downloaded()
        sources.begin(finder.store, as_json)
        yield finder, sources
