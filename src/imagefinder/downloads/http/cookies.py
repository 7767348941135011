"""Cookies: kept from one redirect to the next, and forgotten with the fetch."""

from __future__ import annotations

from http.cookies import SimpleCookie

import aiohttp
from yarl import URL


class FetchCookies:
    """The cookies of one fetch, each sent only to the hosts that it is for."""

    def __init__(self) -> None:
        """None yet."""
        self._jar: aiohttp.CookieJar | None = None

    def keep(self, cookies: SimpleCookie, url: URL) -> None:
        """Those that a response from this URL sets."""
        if cookies:
            # unsafe: also those of hosts that are addresses
            self._jar = self._jar or aiohttp.CookieJar(unsafe=True)
            self._jar.update_cookies(cookies, url)

    def add_to(self, headers: dict[str, str], url: URL) -> None:
        """Add those for this URL to the headers of a request."""
        found = self._jar.filter_cookies(url).values() if self._jar else ()
        own = next((headers.pop(name) for name in list(headers) if name.lower() == "cookie"), None)
        texts = [own] if own else []
        texts += [f"{cookie.key}={cookie.coded_value}" for cookie in found]
        if texts:
            headers["Cookie"] = "; ".join(texts)
