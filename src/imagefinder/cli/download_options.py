"""The options of every command that downloads a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.options import DOWNLOADS, AllowPrivate, Column, usage_errors
from imagefinder.cli.sources import check_sources

if TYPE_CHECKING:
    from imagefinder.downloads import DownloadSettings

_PANEL = {"rich_help_panel": DOWNLOADS}


@dataclass(frozen=True)
class DownloadOptions:
    """As given on the command line; each field is an option."""

    column: Column = None
    jobs: Annotated[
        int, typer.Option(min=1, max=4096, metavar="N", help="Concurrent downloads.", **_PANEL)
    ] = 64
    per_host: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Concurrent downloads from any one host.", **_PANEL),
    ] = 8
    retries: Annotated[
        int,
        typer.Option(
            min=0, max=10, metavar="N", help="Retries after a temporary failure.", **_PANEL
        ),
    ] = 2
    timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="Time limit per URL, redirects included.",
            **_PANEL,
        ),
    ] = 60
    max_size: Annotated[
        int, typer.Option(min=1, metavar="MB", help="Skip files larger than this.", **_PANEL)
    ] = 256
    min_side: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="PIXELS",
            help="Skip images with a shorter side than this: they are placeholders.",
            **_PANEL,
        ),
    ] = 16
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            metavar="'NAME: VALUE'",
            help="Send a header with each request, such as a Referer; repeatable.",
            **_PANEL,
        ),
    ] = None
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Try again the URLs that failed in an earlier run.", **_PANEL
        ),
    ] = False
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Ask the servers whether images have changed, and fetch those again.",
            **_PANEL,
        ),
    ] = False
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace a results.csv, or an image, that the download has not made.",
            **_PANEL,
        ),
    ] = False
    allow_private: AllowPrivate = False

    def settings(self) -> DownloadSettings:
        """How to download. A header that cannot be sent is a usage error."""
        from imagefinder.downloads import DownloadSettings
        from imagefinder.downloads.http import FetchLimits
        from imagefinder.downloads.http.headers import parse_headers

        limits = FetchLimits(
            max_bytes=self.max_size * 10**6,
            seconds=self.timeout,
            silence=min(self.timeout, FetchLimits.silence),
            allow_private=self.allow_private,
        )
        with usage_errors():
            headers = parse_headers(self.header or ())
        return DownloadSettings(
            self.jobs, self.per_host, self.retries, self.min_side, limits, headers=headers
        )

    def check(self, paths: Sequence[str]) -> None:
        """Raises what is wrong with the options, or with all of these sources."""
        self.settings()
        check_sources(paths, self.column)

    def check_lists(self, paths: Sequence[str]) -> None:
        """Raises what is wrong with the options, or with any of the lists among these sources."""
        from imagefinder.downloads import is_list

        self.settings()
        for path in filter(is_list, paths):
            check_sources([path], self.column)
