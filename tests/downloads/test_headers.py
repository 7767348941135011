"""What a request carries: the program's headers, the user's, and cookies within one fetch."""

import asyncio
from collections.abc import Mapping
from email.message import Message
from typing import Any

import pytest

from imagefinder.downloads.http import Fetcher, FetchLimits
from imagefinder.downloads.http import headers as request_headers
from imagefinder.downloads.http.headers import parse_headers
from imagefinder.downloads.validators import NONE, Validators

from .conftest import Jpeg
from .server import Web, ok, redirect

LIMITS = FetchLimits(allow_private=True, seconds=5)


def fetched(
    url: str, headers: Mapping[str, str] | None = None, known: Validators = NONE, times: int = 1
) -> Validators | None:
    """What the last of several fetches of a URL gives."""

    async def fetch() -> Validators | None:
        found: Validators | None = None
        async with Fetcher(LIMITS, headers=headers) as fetcher:
            for _ in range(times):
                found = await fetcher.fetch(url, lambda _: None, known)
        return found

    return asyncio.run(fetch())


def sent(head: str) -> dict[str, str]:
    """The headers of a request, by their names in lower case."""
    lines = (line.partition(": ") for line in head.strip().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines}


def cookie(to: str, *cookies: str) -> bytes:
    """A redirect that sets cookies."""
    lines = "".join(f"Set-Cookie: {one}\r\n" for one in cookies)
    return redirect(to).replace(b"\r\n\r\n", f"\r\n{lines}\r\n".encode(), 1)


def test_the_program_says_who_it_is(served: Web, jpeg: Jpeg) -> None:
    served.routes["/"] = ok(jpeg())
    fetched(served.url("/"))
    assert sent(served.heads[0])["user-agent"].startswith("imagefinder/")


def test_a_page_that_the_package_names_is_part_of_who_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    about = Message()
    about["Version"] = "7.8"
    about["Project-URL"] = "Documentation, https://images.example/docs"
    monkeypatch.setattr(request_headers, "metadata", lambda _: about)
    assert request_headers._user_agent() == "imagefinder/7.8 (+https://images.example/docs)"


def test_headers_of_the_user_are_sent_instead(served: Web, jpeg: Jpeg) -> None:
    served.routes["/"] = ok(jpeg())
    fetched(served.url("/"), {"User-Agent": "Mozilla/5.0", "Referer": "https://shop.example/"})
    head = sent(served.heads[0])
    assert (head["user-agent"], head["referer"]) == ("Mozilla/5.0", "https://shop.example/")
    assert served.heads[0].lower().count("user-agent") == 1


def test_secrets_do_not_follow_a_redirect_to_another_host(served: Web, jpeg: Jpeg) -> None:
    served.routes = {
        "/a": redirect("/b"),
        "/b": redirect(served.url("/c", "localhost")),
        "/c": redirect(served.url("/d")),
        "/d": ok(jpeg()),
    }
    secret = {"Authorization": "Bearer x", "cookie": "own=1", "X-Api-Key": "k", "Referer": "r"}
    fetched(served.url("/a"), secret)
    names = [
        {"authorization", "cookie", "x-api-key", "referer"} & set(sent(head))
        for head in served.heads
    ]
    everything = {"authorization", "cookie", "x-api-key", "referer"}
    assert names == [everything, everything, {"referer"}, everything]


def test_a_cookie_that_is_set_before_a_redirect_comes_back(served: Web, jpeg: Jpeg) -> None:
    served.routes["/"] = [cookie("/", "seen=1; Path=/", 'odd="a b"'), ok(jpeg())]
    fetched(served.url("/"), {"Cookie": "own=1"})
    assert sent(served.heads[1])["cookie"] == 'own=1; seen=1; odd="a b"'


def test_cookies_are_for_their_host_and_for_one_fetch(served: Web, jpeg: Jpeg) -> None:
    served.routes = {
        "/a": cookie(served.url("/b", "localhost"), "a=1", "wide=1; Domain=localhost"),
        "/b": ok(jpeg()),
    }
    fetched(served.url("/a"), times=2)
    assert len(served.heads) == 4
    assert not any("cookie" in sent(head) for head in served.heads)


def test_an_image_that_has_not_changed_is_not_sent_again(served: Web, jpeg: Jpeg) -> None:
    modified = "Wed, 21 Oct 2015 07:28:00 GMT"
    served.routes["/"] = [
        ok(jpeg(), ETag='W/"1"', Last_Modified=modified),
        ok(b"", "304 Not Modified"),
    ]
    known = fetched(served.url("/"))
    assert known == Validators('W/"1"', modified)
    assert fetched(served.url("/"), known=known) is None
    head = sent(served.heads[1])
    assert (head["if-none-match"], head["if-modified-since"]) == ('W/"1"', modified)


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": no name",
        "two words: a",
        "A: b\r\nEvil: 1",
        "A: ü",
        "Host: internal",
        "Transfer-Encoding: chunked",
        "content-length: 5",
    ],
)
def test_headers_that_cannot_be_sent_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="header"):
        parse_headers([line])


def test_headers_are_read_as_they_are_written() -> None:
    expected: Any = {"Referer": "https://a.example/?b: c", "X-A": ""}
    assert parse_headers(["Referer:  https://a.example/?b: c ", "X-A:"]) == expected
