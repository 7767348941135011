"""Which URLs are gone to, by what is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from imagefinder.downloads.http.urls import checked, redirected
from imagefinder.errors import UrlRefused


def reason(text: str) -> str:
    with pytest.raises(UrlRefused) as refusal:
        checked(text)
    assert "\n" not in str(refusal.value)
    return refusal.value.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ftp://example.org/a.jpg", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:6379/_x", "scheme"),
        ("data:image/png;base64,AAAA", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("http://user:secret@example.org/", "credentials"),
        ("http://user@example.org/", "credentials"),
        ("http://@example.org/", "credentials"),
        ("http://good.example\\@127.0.0.1/", "not-a-url"),
        ("", "not-a-url"),
        ("no image", "not-a-url"),
        ("http://", "not-a-url"),
        ("http:///a.jpg", "not-a-url"),
        ("http://[::1/", "not-a-url"),
        ("http://example.org:99999/", "not-a-url"),
        ("http://exa\nmple.org/", "not-a-url"),
        ("http://example.org/\0", "not-a-url"),
        ("http://example.org/" + "a" * 9000, "not-a-url"),
        ("http://2130706433/", "odd-host"),
        ("http://0x7f000001/", "odd-host"),
        ("http://0x7f.1/", "odd-host"),
        ("http://127.1/", "odd-host"),
        ("http://0177.0.0.1/", "odd-host"),
        ("http://127.0.0.1./", "odd-host"),
        ("http://1.2.3.4.5/", "odd-host"),
    ],
)
def test_what_is_no_url_to_go_to_is_refused(text: str, expected: str) -> None:
    assert reason(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  HTTP://Example.ORG/a b.jpg#top ", "http://example.org/a%20b.jpg"),
        ("https://example.org:8443/a?b=c|d", "https://example.org:8443/a?b=c%7Cd"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("http://8.8.8.8/%2e%2e/x", "http://8.8.8.8/x"),
    ],
)
def test_urls_are_made_tidy(text: str, expected: str) -> None:
    assert str(checked(text)) == expected


def test_a_redirect_is_checked_as_any_url() -> None:
    start = URL("https://example.org/a/b")
    assert str(redirected(start, "../c.jpg")) == "https://example.org/c.jpg"
    assert str(redirected(start, "//other.example/c")) == "https://other.example/c"
    for location, expected in (
        ("http://example.org/a", "downgrade"),
        ("ftp://example.org/a", "scheme"),
        ("https://a:b@example.org/", "credentials"),
        ("http://[", "not-a-url"),
    ):
        with pytest.raises(UrlRefused) as refusal:
            redirected(start, location)
        assert refusal.value.reason == expected


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = checked(text)
    except UrlRefused:
        return
    assert url.scheme in ("http", "https")
    assert url.host
