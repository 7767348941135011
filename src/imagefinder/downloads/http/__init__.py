"""HTTP client for untrusted URLs: SSRF guard, limits on size and time."""

from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits, fetch, fetch_all

__all__ = ["FetchLimits", "Fetcher", "fetch", "fetch_all"]
