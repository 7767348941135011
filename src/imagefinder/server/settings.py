"""Server settings: what is allowed, and to whom."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from imagefinder.server.shared_folder import SharedFolder
from imagefinder.types import File

Fetch: TypeAlias = Callable[[Sequence[str]], list[bytes]]
"""Downloads the images at some URLs. Raises ImageFinderError."""


@dataclass(frozen=True)
class Settings:
    """The defaults are strict: read-only, and no other origin may send requests."""

    max_upload: int = 20_000_000
    """Bytes per request."""
    timeout: float = 60.0
    """Seconds until the response must have begun."""
    decoding_memory: int = 384_000_000
    """Bytes that all decoders of images may take together."""
    rate: int | None = None
    """Requests per minute and client address."""
    writable: bool = False
    """Whether images may be added and deleted."""
    uploads: Path | None = None
    """The folder for files of added images; without it, only their vectors are stored."""
    thumbnails: Path | None = None
    """The folder for thumbnails and names of added images, where their files are not kept."""
    roots: tuple[Path, ...] = ()
    """Folders below which files of imported images are served; others of them are not."""
    show_paths: bool = False
    """Whether clients may know where files lie; without it, they get names without folders."""
    show: tuple[str, ...] = ()
    """Names of metadata that the web page shows, in this order; all of them, if there is none."""
    keys: Path | None = None
    """A file of API keys, one of which every request must then carry."""
    origins: tuple[str, ...] = ()
    """Other origins whose pages may send requests (CORS); ``*`` for any."""
    hosts: tuple[str, ...] = ()
    """The server's own host names, besides localhost and any IP address; ``*`` for any."""
    proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose forwarded headers are trusted."""
    root_path: str = ""
    """The prefix below which clients reach the server, such as ``/find``; ``X-Forwarded-Prefix`` of
    one of the ``proxies`` says another."""
    fetch: Fetch | None = None
    """Downloads images from URLs; without it, a search by URL is refused."""
    mcp: bool = False
    """Whether assistants reach the first catalogue by the Model Context Protocol, at ``/mcp``."""
    shared: SharedFolder | None = None
    """What all workers of the server share; without it, there is one process."""

    def may_open(self, file: File) -> bool:
        """Whether a file may be served: an import may name any file of this machine."""
        if file.origin != "imported":
            return True
        real = Path(os.path.realpath(file.path))
        return any(real.is_relative_to(os.path.realpath(root)) for root in self.roots)
