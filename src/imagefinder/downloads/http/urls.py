"""URL validation: scheme, credentials, host notation and redirects."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address

from yarl import URL

from imagefinder.errors import UrlRefused

_LONGEST = 8000  # characters; servers take about as much
_CREDENTIALS = re.compile(r"[^/?#]*//[^/?#]*@")
# a last label that is a number makes an address of the whole (as browsers read it)
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)


def checked(text: str) -> URL:
    """The URL, normalized and without its fragment. Raises UrlRefused."""
    text = text.strip()
    url = _parsed(text)
    if url.scheme not in ("http", "https"):
        raise UrlRefused("scheme", f"only http and https are fetched, not {url.scheme[:20]!r}")
    if _CREDENTIALS.match(text):
        raise UrlRefused("credentials", "it contains a user name or a password")
    if not url.raw_host:
        raise UrlRefused("not-a-url", "it has no host")
    if _NUMBER.fullmatch(url.raw_host) and not _is_plain(url.raw_host):
        raise UrlRefused("odd-host", f"{url.raw_host[:60]} is not a plain IPv4 address")
    return url.with_fragment(None)


def redirected(url: URL, location: str) -> URL:
    """Where a redirect leads. Raises UrlRefused, also for one from https to http."""
    try:
        following = checked(str(url.join(URL(location))))
    except ValueError as error:
        raise UrlRefused("not-a-url", "it redirects to an invalid URL") from error
    if url.scheme == "https" and following.scheme == "http":
        raise UrlRefused("downgrade", "it redirects from https to http")
    return following


def _parsed(text: str) -> URL:
    if len(text) > _LONGEST:
        raise UrlRefused("not-a-url", f"it is longer than {_LONGEST:,} characters")
    if not text.isprintable() or ":" not in text:
        raise UrlRefused("not-a-url", f"{text[:60]!r} is not a URL")
    try:
        return URL(text)
    except ValueError as error:
        raise UrlRefused("not-a-url", f"{text[:60]!r} is not a URL") from error


def _is_plain(host: str) -> bool:
    """Whether it is four decimal numbers without leading zeros."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
