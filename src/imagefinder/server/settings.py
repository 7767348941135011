"""What a server allows, and whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Fetch: TypeAlias = Callable[[Sequence[str]], list[bytes]]
"""The bytes of the images at some URLs. Raises ImageFinderError."""


@dataclass(frozen=True)
class Settings:
    """All that is strict by default: nobody may write, and no other site may ask."""

    max_upload: int = 20_000_000
    """Bytes of a request."""
    timeout: float = 60.0
    """Seconds until the answer must have begun."""
    rate: int | None = None
    """Requests a minute from one address."""
    writable: bool = False
    """Whether images may be added and taken out."""
    uploads: Path | None = None
    """Where the files of added images are kept; without, only what a search needs is."""
    keys: Path | None = None
    """A file of API keys, one of which every request must then have."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may ask (CORS); ``*`` is all of them."""
    hosts: tuple[str, ...] = ()
    """The server's own names, besides localhost and any address; ``*`` is all of them."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies that are believed about whom they ask for."""
    fetch: Fetch | None = None
    """How images are had from URLs; without, they are not."""
