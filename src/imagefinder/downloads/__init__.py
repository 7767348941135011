"""Downloads: from a list of URLs to a folder of images, each distinct content once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.downloads.downloader import Summary, download
    from imagefinder.downloads.folder import described
    from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits, fetch, fetch_all
    from imagefinder.downloads.settings import DownloadSettings
    from imagefinder.downloads.state_file import is_filled
    from imagefinder.downloads.url_list import count_urls, is_list

__all__ = [
    "DownloadSettings",
    "FetchLimits",
    "Fetcher",
    "Summary",
    "count_urls",
    "described",
    "download",
    "fetch",
    "fetch_all",
    "is_filled",
    "is_list",
]

_HOMES = {
    "DownloadSettings": "settings",
    "FetchLimits": "http.fetcher",
    "Fetcher": "http.fetcher",
    "Summary": "downloader",
    "count_urls": "url_list",
    "described": "folder",
    "download": "downloader",
    "fetch": "http.fetcher",
    "fetch_all": "http.fetcher",
    "is_filled": "state_file",
    "is_list": "url_list",
}


def __getattr__(name: str) -> Any:
    """Imported on first use: a catalogue needs the state of a folder, but no HTTP client."""
    if name not in _HOMES:
        raise AttributeError(f"module 'imagefinder.downloads' has no attribute {name!r}")
    return getattr(import_module(f"imagefinder.downloads.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return __all__
