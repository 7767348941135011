"""The address of a dataset: a folder, or a URL of an object store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from imagefinder.errors import StoreError
from imagefinder.stores.lance.cloud import CLOUDS, Cloud
from imagefinder.stores.location import display, is_bucket

_URL = re.compile(r"https?://[^\s/?#]+(/\S*)?", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"[?#\x00-\x1f\x7f]|/\.{0,2}(?=/)")
"""What the engine's parser of URLs leaves out, so that two names would be one catalogue."""
_PATIENT = {"client_max_retries": "8", "client_retry_timeout": "30"}  # seconds, of each request
"""The engine asks six times for all that is needed to open a dataset, each with these retries: an
object store that answers nothing but errors for some seconds is waited for, one that hangs is given
up after some minutes."""


@dataclass(frozen=True)
class Address:
    """Where a catalogue is. Keys and the endpoint of an object store are read by the engine."""

    uri: str
    """As Lance takes it."""
    shown: str
    """For messages."""
    cloud: Cloud | None = None
    """The object store; None for a folder."""

    @property
    def is_remote(self) -> bool:
        """Whether it is in an object store."""
        return self.cloud is not None

    @property
    def options(self) -> dict[str, str] | None:
        """How the engine talks to the object store."""
        return dict(_PATIENT) if self.is_remote else None

    @classmethod
    def of(cls, location: Path | str) -> Address:
        """Raises StoreError for a URL with credentials, which would be seen by everybody."""
        shown = display(location)
        if not is_bucket(location):
            return cls(shown, shown)
        scheme, _, rest = os.fspath(location).partition("://")
        bucket, _, name = rest.rstrip("/").partition("/")
        cloud = CLOUDS[scheme.lower()]
        if "@" in bucket:
            raise StoreError(
                f"{shown}: keys do not belong into the address: put them into the environment, "
                f"such as {cloud.keys}"
            )
        if not bucket or not name:
            raise StoreError(
                f"{shown} names no catalogue: write {scheme}://{cloud.bucket.upper()}/NAME"
            )
        if _AMBIGUOUS.search(f"/{name}/") or name != name.strip():
            raise StoreError(
                f"{shown!r} would be taken for another place: leave out ? and #, line breaks, "
                "spaces at the end, and folders named . or .. or nothing"
            )
        _check_urls(cloud)
        return cls(f"{scheme}://{bucket}/{name}", shown, cloud)


def _check_urls(cloud: Cloud) -> None:
    for name in cloud.urls:
        given = os.environ.get(name)
        if given and not _URL.fullmatch(given):
            raise StoreError(f"{name} is {given!r}: expected a URL, such as https://HOST:9000")
