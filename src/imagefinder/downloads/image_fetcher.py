"""Image fetcher: from a URL to an image in a folder, or the reason why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from imagefinder.downloads.http.fetcher import Fetcher
from imagefinder.downloads.partial_file import PartialFile
from imagefinder.downloads.settings import DownloadSettings
from imagefinder.downloads.state import StoredImage
from imagefinder.downloads.validators import Validators

Fetched: TypeAlias = tuple[StoredImage, Validators]


@dataclass(frozen=True)
class Destination:
    """Where images go, and what is accepted as one."""

    folder: Path
    temporary: str
    """The path of the folder for partial files."""
    settings: DownloadSettings
    force: bool = False
    """Whether files of the user's are replaced."""


class ImageFetcher(Protocol):
    """Fetches images into a folder; for many at a time."""

    async def fetch(self, url: str, known: Validators) -> Fetched | None:
        """The image, which is in its place by now; None if its version is ``known``.

        Raises FetchError.
        """


Fetching: TypeAlias = Callable[[Destination], AbstractAsyncContextManager[ImageFetcher]]
"""Opens an image fetcher."""


@asynccontextmanager
async def fetching_here(destination: Destination) -> AsyncIterator[ImageFetcher]:
    """A Fetching in this program."""
    async with destination.settings.fetcher() as fetcher:
        yield LocalFetcher(fetcher, destination)


@dataclass(frozen=True)
class LocalFetcher:
    """Fetches on this machine."""

    fetcher: Fetcher
    destination: Destination

    async def fetch(self, url: str, known: Validators) -> Fetched | None:
        """See ImageFetcher."""
        to = self.destination
        with PartialFile(to.folder, to.temporary) as file:
            validators = await self.fetcher.fetch(url, file.write, known)
            if validators is None:
                return None
            image = await asyncio.to_thread(file.finish, to.settings.min_side, to.force)
        return image, validators
