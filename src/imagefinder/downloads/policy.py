"""Policies: the settings that decide whether a URL fails, and which failures others may undo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # the HTTP client loads slowly
    from imagefinder.downloads.http.fetcher import FetchLimits

# reasons as patterns, by the setting that leads to them if it is too small
_TOO_SMALL = {
    "allow_private": ("private-address",),
    "max_bytes": ("too-large",),
    "seconds": ("timeout",),
    "silence": ("silence", "connect"),
    "redirects": ("redirects",),
    "retries": ("silence", "connect", "dns", "cut-short", "http-4[02]*", "http-5*"),
}
CHANGED_FILE = "changed-file"
"""The reason where a file of the user's has the name of an image."""

_TOO_LARGE = {"min_side": ("too-small",)}
_OTHER = {"headers": ("http-*", "redirects", "not-an-image", "too-small")}


@dataclass(frozen=True)
class Policy:
    """The settings under which URLs were fetched."""

    allow_private: bool
    max_bytes: int
    seconds: float
    silence: float
    redirects: int
    retries: int
    min_side: int
    headers: str
    """A digest: they may hold passwords."""

    @classmethod
    def of(
        cls, limits: FetchLimits, retries: int, min_side: int, headers: Mapping[str, str]
    ) -> Self:
        """The policy of a download."""
        text = json.dumps(sorted(headers.items()))
        digest = hashlib.sha256(text.encode()).hexdigest() if headers else ""
        return cls(**asdict(limits), retries=retries, min_side=min_side, headers=digest)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """As ``as_text`` wrote it."""
        return cls(**json.loads(text))

    def as_text(self) -> str:
        """JSON, the same for equal policies."""
        return json.dumps(asdict(self))

    def reopens(self, before: Policy) -> Iterator[str]:
        """Patterns of the reasons that led to a failure before, but may not lead to one now."""
        yield CHANGED_FILE  # it may have been moved away
        now, then = asdict(self), asdict(before)
        for name, reasons in _TOO_SMALL.items():
            yield from reasons if now[name] > then[name] else ()
        for name, reasons in _TOO_LARGE.items():
            yield from reasons if now[name] < then[name] else ()
        for name, reasons in _OTHER.items():
            yield from reasons if now[name] != then[name] else ()
