"""Images that the command line is told of by their URLs."""

from pathlib import Path

import pytest

from ..e2e.program import answer, misuse, refusal, run_in
from .conftest import Jpeg
from .server import Web, ok

HERE = "--allow-private"


@pytest.fixture
def shop(tmp_path: Path, served: Web, jpeg: Jpeg) -> Path:
    """A folder with a catalogue of two images, which are also served; and what is none."""
    for name, seed in (("a", 1), ("b", 2)):
        data = jpeg(seed, 320, 240)
        (tmp_path / f"{name}.jpg").write_bytes(data)
        served.routes[f"/{name}.jpg"] = ok(data)
    served.routes["/page"] = ok(b"<html></html>")
    answer(run_in(tmp_path, "add", "a.jpg", "b.jpg", "--encoder", "classic", "--json"))
    return tmp_path


def test_a_url_is_searched_with(shop: Path, served: Web) -> None:
    found = answer(run_in(shop, "search", served.url("/b.jpg"), HERE, "--json"))
    assert found["query"] == served.url("/b.jpg")
    assert Path(found["hits"][0]["path"]).name == "b.jpg"
    same = answer(run_in(shop, "search", "b.jpg", "--json"))
    assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in same["hits"]]


def test_a_url_is_turned_away_from(shop: Path, served: Web) -> None:
    words = ("search", "a.jpg", "b.jpg", "--minus", served.url("/b.jpg"), HERE, "--json")
    first = answer(run_in(shop, *words))["hits"][0]
    assert Path(first["path"]).name == "a.jpg"


def test_a_url_is_compared_and_embedded(shop: Path, served: Web) -> None:
    pytest.importorskip("cv2")
    url = served.url("/a.jpg")
    assert answer(run_in(shop, "match", url, "a.jpg", HERE, "--json"))["verified"] is True
    words = ("--encoder", "classic", "--json")
    from_url = answer(run_in(shop, "embed", url, HERE, *words))["vector"]
    assert from_url == answer(run_in(shop, "embed", "a.jpg", *words))["vector"]


@pytest.mark.parametrize("words", [("search",), ("embed", "--encoder", "classic")])
def test_this_machine_is_not_asked_unless_it_is_meant(
    shop: Path, served: Web, words: tuple[str, ...]
) -> None:
    said = refusal(run_in(shop, *words, served.url("/a.jpg")))
    assert "not public" in said
    assert HERE in said
    assert served.asked == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/a.jpg", "only http and https"),
        ("file:///etc/hostname", "only http and https"),
        ("http://me:secret@example.com/a.jpg", "password"),
        ("http://127.1/a.jpg", "not a plain IPv4 address"),
        ("https://", "no host"),
    ],
)
def test_a_url_that_is_not_gone_to_is_one_line(shop: Path, url: str, reason: str) -> None:
    assert reason in refusal(run_in(shop, "search", url))


@pytest.mark.parametrize(("path", "reason"), [("/gone.jpg", "404"), ("/page", "not")])
def test_a_url_without_an_image_is_one_line(
    shop: Path, served: Web, path: str, reason: str
) -> None:
    said = refusal(run_in(shop, "search", served.url(path), HERE))
    assert served.url(path) in said
    assert reason in said


def test_no_catalogue_is_told_before_anything_is_fetched(tmp_path: Path, served: Web) -> None:
    assert "no catalogue" in refusal(run_in(tmp_path, "search", served.url("/a.jpg"), HERE))
    assert served.asked == []
    misuse(run_in(tmp_path, "search"))
