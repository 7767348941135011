"""``/mcp``: the first catalogue as tools of assistants, behind all that guards the other routes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from imagefinder.finder import Finder
from imagefinder.server.dependencies import may_write
from imagefinder.server.listing_cache import ListingCache
from imagefinder.server.opened import Opened
from imagefinder.server.problems import detail_for_client
from imagefinder.server.settings import Settings
from imagefinder.server.uploads import delete_image
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.mcp import HttpEndpoint

PATH: Final = "/mcp"


class AssistantsApp:
    """An ASGI application. Only who may write gets tools that change the catalogue."""

    def __init__(self, opened: Opened, settings: Settings, listings: ListingCache) -> None:
        """Nothing is opened yet."""
        self._opened = opened
        self._settings = settings
        self._listings = listings
        self._endpoints: dict[bool, tuple[Finder, HttpEndpoint]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        writable = may_write(scope, self._settings)
        endpoint = await run_in_threadpool(self._endpoint, writable)
        await endpoint(scope, receive, send)

    def _endpoint(self, writable: bool) -> HttpEndpoint:
        finder = self._opened.catalogues.first.finder
        kept = self._endpoints.get(writable)
        if kept is None or kept[0] is not finder:  # it may have been closed and opened again
            kept = finder, self._endpoint_of(finder, writable)
            self._endpoints[writable] = kept
        return kept[1]

    def _endpoint_of(self, finder: Finder, writable: bool) -> HttpEndpoint:
        from imagefinder.mcp import Folders, HttpEndpoint, create_server

        server = create_server(
            finder,
            Folders(self._settings.roots),
            writable=writable,
            show_paths=self._settings.show_paths,
            explain=detail_for_client,
            remove=partial(self._remove, finder),
        )
        return HttpEndpoint(server, PATH, self._settings.max_upload)

    def _remove(self, finder: Finder, record: Record) -> None:
        """As a client that deletes it."""
        try:
            delete_image(finder, record, self._settings)
        except HTTPException as error:
            raise OSError(error.detail) from error
        self._listings.clear()
