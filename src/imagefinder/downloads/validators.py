"""Validators: what a server says of the version of an image, to ask later whether it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Validators:
    """The headers ETag and Last-Modified of a response (RFC 9110, 8.8), if it had them."""

    etag: str | None = None
    modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validators:
        """Those of a response that can be sent back."""
        return cls(_sendable(headers.get("ETag")), _sendable(headers.get("Last-Modified")))

    def conditions(self) -> dict[str, str]:
        """Headers of a request for the content only if it has changed."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value is not None}


NONE = Validators()


def _sendable(value: str | None) -> str | None:
    return value if value and value.isascii() and value.isprintable() else None
