"""URL validation: scheme, credentials, host notation and redirects; the rest is sent as given."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import quote_from_bytes

from yarl import URL

from imagefinder.errors import UrlRefused

_LONGEST = 8000  # characters; servers take about as much
_PARTS = re.compile(r"([a-z][a-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
# a last label that is a number makes an address of the whole (as browsers read it)
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_HEX = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_SENT = "!$&'()*+,-./:;=?@[]_~%"
"""What may stand in a request line besides letters and digits (RFC 3986, 2; brackets are not for
paths, but all servers take them there)."""


def checked(text: str) -> URL:
    """The URL without its fragment; its path and query are as given. Raises UrlRefused.

    A signed URL is valid only as it is written. So no escape is written otherwise, and only what
    cannot be sent is escaped. Scheme and host are normalized.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise UrlRefused("not-a-url", f"it is longer than {_LONGEST:,} characters")
    parts = _PARTS.match(text)
    if parts is None or _CONTROL.search(text):
        raise UrlRefused("not-a-url", f"{text[:60]!r} is not a URL")
    scheme, authority, path, query = parts.groups(default="")
    if scheme.lower() not in ("http", "https"):
        raise UrlRefused("scheme", f"only http and https are fetched, not {scheme[:20]!r}")
    origin = _origin(scheme, authority, text)
    target = _sendable(path or "/")
    # in a query of its own an empty one would be lost
    target, query = (target + query, "") if query == "?" else (target, _sendable(query[1:]))
    return URL.build(
        scheme=origin.scheme,
        authority=origin.raw_authority,
        path=target,
        query_string=query,
        encoded=True,
    )


def redirected(url: URL, location: str) -> URL:
    """Where a redirect leads. Raises UrlRefused, also for one from https to http."""
    text = _resolved(url, _bytes_escaped(location.strip()))
    try:
        following = checked(text)
    except UrlRefused as error:
        if error.reason != "not-a-url":
            raise
        raise UrlRefused("not-a-url", "it redirects to an invalid URL") from error
    if url.scheme == "https" and following.scheme == "http":
        raise UrlRefused("downgrade", "it redirects from https to http")
    return following


def _origin(scheme: str, authority: str, text: str) -> URL:
    """Scheme, host and port. Raises UrlRefused."""
    if "\\" in authority:  # browsers take it for a slash, so who is the host?
        raise UrlRefused("not-a-url", f"{text[:60]!r} is not a URL")
    if "@" in authority:
        raise UrlRefused("credentials", "it contains a user name or a password")
    try:
        origin = URL(f"{scheme}://{authority}/")
        host = origin.host and origin.raw_host  # the former raises if it cannot be decoded
    except ValueError as error:
        raise UrlRefused("not-a-url", f"{text[:60]!r} is not a URL") from error
    if not host:
        raise UrlRefused("not-a-url", "it has no host")
    if "%" in host or " " in host or not host.isprintable():
        raise UrlRefused("not-a-url", f"{host[:60]!r} is not the name of a host")
    if _NUMBER.fullmatch(host) and not _is_plain(host):
        raise UrlRefused("odd-host", f"{host[:60]} is not a plain IPv4 address")
    return origin


def _resolved(url: URL, location: str) -> str:
    """An absolute URL (RFC 3986, 5.2), nothing of which is written otherwise."""
    if re.match(r"[a-z][a-z0-9+.-]*:", location, re.IGNORECASE):
        return location
    if location.startswith("//"):
        return f"{url.scheme}:{location}"
    if location.startswith("/"):
        return f"{url.origin()}{location}"
    path = url.raw_path.partition("?")[0]
    if not location or location.startswith("#"):
        return f"{url.origin()}{url.raw_path_qs}"
    if location.startswith("?"):
        return f"{url.origin()}{path}{location}"
    found = re.match(r"([^?#]*)(.*)", location, re.DOTALL)
    assert found  # noqa: S101  it matches anything
    return f"{url.origin()}{_joined(path, found[1])}{found[2]}"


def _joined(base: str, relative: str) -> str:
    """The path of a relative reference: dots are resolved (RFC 3986, 5.2.4), escaped ones kept."""
    segments: list[str] = []
    last = ""
    for last in (*base.split("/")[1:-1], *relative.split("/")):
        if last == "..":
            del segments[-1:]
        elif last != ".":
            segments.append(last)
    return "/" + "/".join([*segments, ""] if last in (".", "..") else segments)


def _sendable(text: str) -> str:
    """With what may not stand in a request line escaped."""
    return quote_from_bytes(_HEX.sub("%25", text).encode(), safe=_SENT)


def _bytes_escaped(text: str) -> str:
    """With bytes of a header that are not UTF-8 escaped."""
    return re.sub(
        r"[\udc80-\udcff]+",
        lambda found: quote_from_bytes(found[0].encode("utf-8", "surrogateescape")),
        text,
    )


def _is_plain(host: str) -> bool:
    """Whether it is four decimal numbers without leading zeros."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
