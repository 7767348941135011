"""Settings of downloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from imagefinder.downloads.http.fetcher import Fetcher, FetchLimits
from imagefinder.downloads.http.ssrf import Resolve
from imagefinder.downloads.policy import Policy


@dataclass(frozen=True)
class DownloadSettings:
    """How a list is downloaded: concurrency, retries and limits."""

    jobs: int = 64
    """Concurrent downloads."""
    per_host: int = 8
    """Concurrent downloads from one host."""
    retries: int = 2
    """After temporary failures: no response, a broken connection, statuses such as 503."""
    min_side: int = 16
    """Pixels; smaller images are taken for placeholders."""
    limits: FetchLimits = field(default_factory=FetchLimits)
    resolve: Resolve | None = None
    """DNS resolution; the system's if not given."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request. After a redirect to another host, those that may hold a secret are
    left out."""

    def fetcher(self) -> Fetcher:
        """A fetcher with these settings."""
        return Fetcher(self.limits, self.resolve, headers=self.headers)

    def policy(self) -> Policy:
        """What decides whether a URL fails."""
        return Policy.of(self.limits, self.retries, self.min_side, self.headers)
