"""Which URLs are gone to, judged by what is written."""

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
    """The URL, tidy and without its fragment. Raises UrlRefused."""
    text = text.strip()
    url = _parsed(text)
    if url.scheme not in ("http", "https"):
        raise UrlRefused("scheme", f"only http and https are fetched, not {url.scheme[:20]!r}")
    if _CREDENTIALS.match(text):
        raise UrlRefused("credentials", "it has a user name or a password in it")
    if not url.raw_host:
        raise UrlRefused("not-a-url", "it names no host")
    if _NUMBER.fullmatch(url.raw_host) and not _is_plain(url.raw_host):
        raise UrlRefused("odd-host", f"{url.raw_host[:60]} is an odd way to write an address")
    return url.with_fragment(None)


def redirected(url: URL, location: str) -> URL:
    """Where a redirect leads. Raises UrlRefused, also for one from https to http."""
    try:
        following = checked(str(url.join(URL(location))))
    except ValueError as error:
        raise UrlRefused("not-a-url", "it redirects to what is no URL") from error
    if url.scheme == "https" and following.scheme == "http":
        raise UrlRefused("downgrade", "it redirects from https to http")
    return following


def _parsed(text: str) -> URL:
    if len(text) > _LONGEST:
        raise UrlRefused("not-a-url", f"it is longer than {_LONGEST:,} characters")
    if not text.isprintable() or ":" not in text:
        raise UrlRefused("not-a-url", f"{text[:60]!r} is no URL")
    try:
        return URL(text)
    except ValueError as error:
        raise UrlRefused("not-a-url", f"{text[:60]!r} is no URL") from error


def _is_plain(host: str) -> bool:
    """Whether it is four decimal numbers, none with a zero before it."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
