"""Downloader: fetches the URLs of a list concurrently, and resumes where it was interrupted."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

from imagefinder._utils.text import one_line
from imagefinder.downloads.embedded_images import EmbeddedImages
from imagefinder.downloads.folder import described, replaced_images, unlisted_images
from imagefinder.downloads.frontier import Frontier, Job
from imagefinder.downloads.http.fetcher import run, too_large
from imagefinder.downloads.image_fetcher import (
    Destination,
    Fetching,
    ImageFetcher,
    fetching_here,
)
from imagefinder.downloads.partial_file import PartialFile, folder_of_parts
from imagefinder.downloads.results import Counts, check_folder, check_results, write_results
from imagefinder.downloads.results_file import NAME
from imagefinder.downloads.settings import DownloadSettings
from imagefinder.downloads.state import DownloadState, FailedUrl, StoredImage, UrlOutcome
from imagefinder.downloads.url_list import UrlList, open_list
from imagefinder.downloads.validators import NONE
from imagefinder.errors import DownloadError, FetchError
from imagefinder.images.inputs import Input, absolute

OnUrl: TypeAlias = Callable[[bool], object]
"""Called after each URL: whether it gave an image."""

_QUEUED = 10_000  # jobs, so that a slow host at the head of the list delays no other
_MAX_BACKOFF = 120.0  # seconds; if a server requests a longer wait, the URL fails


@dataclass(frozen=True)
class Summary(Counts):
    """The result of downloading a list."""

    column: str
    """The column of the URLs."""
    results: str
    """The path of the CSV with a line for each URL."""
    embedded: bool
    """Whether the list had the images themselves in place of URLs."""
    changed: int
    """Images that ``refresh`` found to be others."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """A JSON-serializable dictionary."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def inputs(self) -> Iterator[Input]:
        """The images of this list with their metadata, for ``Finder.add``."""
        return described(Path(self.results).parent, self.run)

    def replaced(self) -> list[Path]:
        """Images in the folder that are others now: to be removed from a catalogue."""
        return replaced_images(Path(self.results).parent)

    def unlisted(self) -> list[Path]:
        """Images in the folder that no list leads to any more, the replaced ones among them."""
        return unlisted_images(Path(self.results).parent)


def download(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    column: str | None = None,
    retry_failed: bool = False,
    refresh: bool = False,
    force: bool = False,
    settings: DownloadSettings | None = None,
    progress: OnUrl = bool,
    fetching: Fetching = fetching_here,
) -> Summary:
    """Download the images of a list into a folder, each distinct content once.

    ``source`` is a CSV, TSV, TXT, JSON Lines or Parquet file, or a dataset that has the images
    themselves; ``column`` holds the URLs or the images, and is detected if not given. URLs that an
    earlier run finished are skipped. Those that failed are tried again if the settings that refused
    them have changed, and with ``retry_failed`` in any case; with ``refresh`` servers are asked
    whether images have changed. Files of the user's are replaced only by ``force``. ``fetching``
    says where URLs are fetched. Raises DownloadError.
    """
    began = perf_counter()
    urls = open_list(absolute(source), column)
    root = absolute(folder)
    settings = settings or DownloadSettings()
    try:
        check_folder(root, urls.path, force)
        root.mkdir(parents=True, exist_ok=True)
        with DownloadState(root) as state:
            check_results(state, root, force)
            state.reopen(settings.policy())
            if retry_failed:
                state.forget_failures()
            destination = Destination(root, state.temporary, settings, force)
            task = _Download(urls, state, destination, progress, refresh)
            with folder_of_parts(state.temporary):
                run(task.run(fetching(destination)))
            state.flush()
            counts = write_results(urls, state, root)
    except OSError as error:
        raise DownloadError(f"{error.filename or root}: {one_line(error)}") from error
    return Summary(
        **asdict(counts),
        column=urls.column,
        results=str(root / NAME),
        embedded=isinstance(urls, EmbeddedImages),
        changed=task.changed,
        seconds=perf_counter() - began,
    )


@dataclass
class _Download:
    """One run over a list: a feeder fills the frontier, workers fetch what it yields."""

    urls: UrlList | EmbeddedImages
    state: DownloadState
    destination: Destination
    progress: OnUrl
    refresh: bool
    changed: int = 0

    async def run(self, fetching: AbstractAsyncContextManager[ImageFetcher]) -> None:
        """Until every URL is finished, or the folder cannot be written to."""
        frontier = Frontier(self.destination.settings.per_host, _QUEUED)
        async with fetching as fetcher:
            feeder = asyncio.create_task(self._feed(frontier))
            workers = [
                asyncio.create_task(self._work(frontier, fetcher))
                for _ in range(self.destination.settings.jobs)
            ]
            try:
                # a worker ends only by failing: the folder cannot be written to
                await asyncio.wait((feeder, *workers), return_when=asyncio.FIRST_COMPLETED)
                for task in (*workers, feeder):
                    if task.done():
                        task.result()
            finally:
                for task in (feeder, *workers):
                    task.cancel()
                await asyncio.gather(feeder, *workers, return_exceptions=True)

    async def _feed(self, frontier: Frontier) -> None:
        """Queue the unfinished URLs of the list, and wait until all are done."""
        for number, row in enumerate(self.urls):
            if number % 100 == 0:
                await asyncio.sleep(0)  # let responses be handled while the list is read
            url = row.url
            if url is None or url in frontier:
                continue
            known = self.state.outcome(url)
            if row.content is not None:
                self.progress(self._keep(url, row.content) if known is None else _is_image(known))
            elif known is None or (self.refresh and isinstance(known, StoredImage)):
                await frontier.put(Job(url, _host(url)))
            else:
                self.progress(_is_image(known))
        await frontier.join()

    def _keep(self, url: str, content: bytes) -> bool:
        """Put an image of the list itself into the folder."""
        destination = self.destination
        most = destination.settings.limits.max_bytes
        try:
            if len(content) > most:
                raise too_large(most)
            with PartialFile(destination.folder, destination.temporary) as file:
                file.write(content)
                image = file.finish(destination.settings.min_side, destination.force)
        except FetchError as error:
            self.state.record(url, FailedUrl(error.reason, str(error)))
            return False
        self.state.record(url, image)
        return True

    async def _work(self, frontier: Frontier, fetcher: ImageFetcher) -> None:
        while True:
            job = await frontier.get()
            try:
                is_image = await self._settle(job.url, fetcher)
            except FetchError as error:
                wait = _backoff(error, job.tries)
                if (
                    error.retryable
                    and job.tries < self.destination.settings.retries
                    and wait <= _MAX_BACKOFF
                ):
                    frontier.retry(job, wait, pause_host=error.retry_after is not None)
                    continue
                is_image = self._fail(job.url, FailedUrl(error.reason, str(error)))
            self.progress(is_image)
            frontier.done(job)

    async def _settle(self, url: str, fetcher: ImageFetcher) -> bool:
        """Fetch an image, unless the stored one is what the server still has."""
        before = self.state.outcome(url)
        known = self.state.validators(url) if isinstance(before, StoredImage) else NONE
        found = await fetcher.fetch(url, known)
        if found is not None:
            image, validators = found
            self.changed += isinstance(before, StoredImage) and before != image
            self.state.record(url, image, validators)
        return True

    def _fail(self, url: str, outcome: FailedUrl) -> bool:
        """Record a failure, but an image that could not be refreshed stays."""
        is_image = isinstance(self.state.outcome(url), StoredImage)
        if not is_image:
            self.state.record(url, outcome)
        return is_image


def _is_image(known: UrlOutcome | None) -> bool:
    return not isinstance(known, FailedUrl)


def _host(url: str) -> str:
    """As written, which is enough for fair scheduling."""
    return url.partition("//")[2].partition("/")[0].lower()


def _backoff(error: FetchError, tries: int) -> float:
    """Seconds before the next try: as the server requests, else exponential with jitter."""
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0.5, 1) * 2.0**tries  # noqa: S311  jitter
