"""Request headers: the program's own, and those that a user adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FRAMING = re.compile(
    r"connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade", re.I
)
_SECRET = re.compile(r"auth|cookie|credential|key|pass|secret|session|signature|token", re.I)


@cache
def default_headers() -> Mapping[str, str]:
    """Those of every request that does not say otherwise."""
    return {
        "User-Agent": _user_agent(),
        "Accept": "image/*,*/*;q=0.5",
        "Accept-Encoding": "identity",
    }


def parse_headers(lines: Iterable[str]) -> dict[str, str]:
    """Headers from lines ``Name: value``. Raises ValueError."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"a header is 'Name: value', not {line!r}")
        headers[name.strip()] = value.strip()
    return checked_headers(headers)


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same. Raises ValueError for what cannot be sent, or is not for the user to choose."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header")
        if _FRAMING.fullmatch(name):
            raise ValueError(f"the header {name} is set by the program itself")
        if not (value.isprintable() and value.isascii()):
            raise ValueError(f"the header {name} may have only printable ASCII characters")
    return dict(headers)


def for_other_host(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that a redirect may carry to another host: none that may hold a secret."""
    return {name: value for name, value in headers.items() if not _SECRET.search(name)}


def _user_agent() -> str:
    """The name, the version and, if the package names one, a page that tells who we are."""
    try:
        about = metadata("imagefinder")
    except PackageNotFoundError:  # used without being installed
        return "imagefinder"
    agent = f"imagefinder/{about['Version']}"
    urls = (line.partition(",")[2].strip() for line in about.get_all("Project-URL") or ())
    page = next((url for url in urls if url.startswith("https://")), None)
    return f"{agent} (+{page})" if page else agent
