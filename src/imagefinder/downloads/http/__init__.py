"""Images from URLs that anyone may have written: nothing about them is believed."""

from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits, fetch, fetch_all

__all__ = ["FetchLimits", "Fetcher", "fetch", "fetch_all"]
