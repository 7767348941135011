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
        ("http://8.8.8.8", "http://8.8.8.8/"),
        ("http://EXAMPLE.org:80/?", "http://example.org/?"),
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


@pytest.mark.parametrize(
    "target",
    [
        "/img%2Fencoded%2fslash.jpg",
        "/a%3Ab%27c%40d%7Ee.jpg",
        "/%E2%82%AC%e4.jpg",
        "/plus+and%2Bplus.jpg",
        "/a//b///c.jpg",
        "/a/../b/./c.jpg",
        "/%2e%2e/c.jpg",
        "/semi;v=1,2/(br)[ack]*!'.jpg",
        "/x.jpg?",
        "/x.jpg?a=1&a=2&b",
        "/x.jpg?X-Sig=ab%2Fcd%2Bef%3D&d=%3A&t=application%2fgzip&m=%27%40",
        "/x.jpg?next=http://other.example/?y",
        "/x.jpg??",
    ],
)
def test_a_url_is_sent_as_it_is_written(target: str) -> None:
    assert checked(f"http://example.org{target}").raw_path_qs == target
    assert redirected(URL("http://other.example/"), target).raw_path_qs == target
    start = checked(f"http://example.org{target}")
    assert redirected(start, "").raw_path_qs == target


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/a b.jpg?c d", "/a%20b.jpg?c%20d"),
        ("/€.jpg?d=ü", "/%E2%82%AC.jpg?d=%C3%BC"),
        ("/a\u00a0b\u3000c.jpg", "/a%C2%A0b%E3%80%80c.jpg"),
        ('/a"b|c^d`e\\f<g>{h}.jpg', "/a%22b%7Cc%5Ed%60e%5Cf%3Cg%3E%7Bh%7D.jpg"),
        ("/100%.jpg", "/100%25.jpg"),
        ("/50%zz", "/50%25zz"),
        ("?q", "/?q"),
        ("/x#fragment?", "/x"),
    ],
)
def test_only_what_cannot_be_sent_is_escaped(target: str, sent: str) -> None:
    assert checked(f"http://example.org{target}").raw_path_qs == sent


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("../pics/9.jpg?x=%2F", "https://example.org/pics/9.jpg?x=%2F"),
        ("c%2Fd/../e%3A", "https://example.org/a/e%3A"),
        ("?y=%27", "https://example.org/a/b?y=%27"),
        ("../../../..", "https://example.org/"),
        (".", "https://example.org/a/"),
        ("x//y", "https://example.org/a/x//y"),
        ("/ü b.jpg", "https://example.org/%C3%BC%20b.jpg"),
        ("/\udcfc.jpg", "https://example.org/%FC.jpg"),
        ("HTTPS://Other.example/%41", "https://other.example/%41"),
    ],
)
def test_a_redirect_respells_nothing_either(location: str, expected: str) -> None:
    assert str(redirected(URL("https://example.org/a/b?x=1"), location)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a\r\nX-Evil: 1",
        "http://example.org/a HTTP/1.1\r\nHost: internal",
        "http://example.org/\x7f",
        "http://example.org/a\x85b",
        "http://example.org\\.evil.example/",
        "http://exa%6dple.org/",
        "http://[fe80::1%25eth0]/",
        "http://xn--a/",
        "http:example.org/a.jpg",
        "http:/example.org/a.jpg",
    ],
)
def test_no_url_can_write_another_request_or_hide_its_host(url: str) -> None:
    assert reason(url) == "not-a-url"


@given(st.text())
def test_nothing_but_visible_ascii_is_sent(text: str) -> None:
    try:
        url = checked(f"http://example.org/{text}")
    except UrlRefused:
        return
    assert (url.scheme, url.raw_host) == ("http", "example.org")
    assert all("!" <= letter <= "~" for letter in url.raw_path_qs)
