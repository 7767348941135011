"""From a list to a folder: what comes in, under which names, and what is said of the rest."""

import csv
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagefinder import Finder
from imagefinder.downloads import DownloadSettings, Summary, described, download
from imagefinder.downloads.http import FetchLimits
from imagefinder.downloads.state import DownloadState
from imagefinder.errors import DownloadError
from imagefinder.images.formats import SUFFIXES

from .conftest import Jpeg
from .server import Send, Web, ok, redirect

LIMITS = FetchLimits(allow_private=True, seconds=3, silence=1, max_bytes=3_000_000)
SETTINGS = DownloadSettings(retries=0, limits=LIMITS)


def listed(path: Path, urls: Iterable[str], **columns: list[str]) -> Path:
    """A CSV with the URLs under ``image``."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *columns])
        writer.writerows(zip(urls, *columns.values(), strict=True))
    return path


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def images(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in SUFFIXES
    }


def got(
    tmp_path: Path, urls: Iterable[str], settings: DownloadSettings = SETTINGS, **more: Any
) -> Summary:
    return download(
        listed(tmp_path / "list.csv", urls), tmp_path / "out", settings=settings, **more
    )


def reasons(tmp_path: Path) -> list[str]:
    return [row["reason"] for row in results(tmp_path / "out")]


def test_images_come_in_once_for_each_content(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    served.routes = {
        "/a.jpg": ok(jpeg(1)),
        "/b.php": ok(jpeg(2, kind="PNG"), Content_Type="text/plain"),
        "/same": ok(jpeg(1)),
    }
    urls = [served.url(path) for path in ("/a.jpg", "/b.php", "/same", "/a.jpg", "/gone")]
    summary = got(tmp_path, [*urls, ""])
    assert (summary.rows, summary.urls, summary.done, summary.images) == (6, 5, 4, 2)
    assert (summary.failed, summary.empty) == ({"http-404": 1}, 1)
    assert sorted(images(tmp_path / "out").values()) == sorted([jpeg(1), jpeg(2, kind="PNG")])
    assert len(served.asked) == 4
    first, second, third, again, gone, empty = results(tmp_path / "out")
    assert first["path"] == third["path"] == again["path"]
    assert first["path"].endswith(".jpg")
    assert second["path"].endswith(".png")
    assert [row["row"] for row in results(tmp_path / "out")] == ["1", "2", "3", "4", "5", "6"]
    assert (first["status"], first["width"], first["height"]) == ("done", "40", "30")
    assert (gone["status"], gone["reason"], gone["path"]) == ("failed", "http-404", "")
    assert (empty["status"], empty["reason"], empty["url"]) == ("failed", "no-url", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_file()) == [
        ".download.db",
        "results.csv",
    ]


def test_what_is_no_url_is_no_formula_in_a_spreadsheet_either(tmp_path: Path, served: Web) -> None:
    for given in ("=HYPERLINK(A1)", "@SUM(1)", "-1"):
        listed(tmp_path / "list.csv", [served.url("/gone"), given])
        download(tmp_path / "list.csv", tmp_path / "out", column="image", settings=SETTINGS)
        cells = [cell for row in results(tmp_path / "out") for cell in row.values()]
        assert f"'{given}" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_no_name_from_elsewhere_leaves_the_folder(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    names = "/../../x.jpg /%2e%2e%2f%2e%2e%2fx.jpg /..%5c..%5cx.jpg /x.jpg%00.png /CON /a/".split()
    served.routes = {
        path: ok(jpeg(7), Content_Disposition="attachment; filename=../../../x.jpg")
        for path in (*names, "/x.jpg", "/../x.jpg")
    }
    before = set(tmp_path.rglob("*"))
    got(tmp_path, [served.url(path) for path in names])
    new = {path for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    (name,) = images(tmp_path / "out")
    assert new == {
        tmp_path / "list.csv",
        tmp_path / "out" / ".download.db",
        tmp_path / "out" / "results.csv",
        tmp_path / "out" / name,
    }


def test_every_hostile_endpoint_has_its_reason(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    async def endless(send: Send) -> None:
        await send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await send(b"\xff" * 100_000)

    served.routes = {
        "/endless": endless,
        "/html.jpg": ok(b"<html>", Content_Type="image/jpeg"),
        "/loop": redirect("/loop"),
        "/pixel.gif": ok(jpeg(1, 8, 8, kind="GIF")),
        "/empty": ok(b""),
        "/good": ok(jpeg()),
    }
    paths = ["/endless", "/html.jpg", "/loop", "/pixel.gif", "/empty"]
    urls = [served.url(path) for path in paths]
    urls += ["ftp://example.org/a", "http://a:b@example.org/", "n.a.", "http://127.1/"]
    urls += [served.url("/good")]
    summary = got(tmp_path, urls)
    assert reasons(tmp_path) == [
        *("too-large", "not-an-image", "redirects", "too-small", "not-an-image"),
        *("scheme", "credentials", "not-a-url", "odd-host"),
        "",
    ]
    assert summary.done == 1
    assert list(images(tmp_path / "out").values()) == [jpeg()]


def test_urls_of_odd_letters_are_junk_like_any_other(tmp_path: Path, served: Web) -> None:
    odd = ["\ud800", "http://x/\ud800", "http://x\0y/", "h\ttp://x", "'); DROP TABLE urls; --"]
    lines = [json.dumps({"url": one, "\ud800": "\ud800"}) for one in odd]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    summary = download(tmp_path / "list.jsonl", tmp_path / "out", column="url", settings=SETTINGS)
    assert summary.done == 0
    assert summary.urls >= len(odd)
    assert json.loads(results(tmp_path / "out")[0]["metadata"])["?"] == "?"


def test_private_addresses_are_refused_unless_allowed(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    served.routes["/"] = ok(jpeg())
    safe = replace(SETTINGS, limits=FetchLimits())
    urls = [served.url("/"), "http://169.254.169.254/latest/", served.url("/", "localhost")]
    assert got(tmp_path, urls, safe).failed == {"private-address": 3}
    assert served.asked == []


def test_a_large_image_arrives_by_way_of_the_disk(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    large = jpeg(3) + bytes(2_000_000)
    served.routes["/"] = ok(large)
    served.routes["/not"] = ok(bytes(2_000_000))
    got(tmp_path, [served.url("/"), served.url("/not")])
    assert list(images(tmp_path / "out").values()) == [large]
    assert reasons(tmp_path) == ["", "not-an-image"]
    assert not list((tmp_path / "out").glob(".part*"))


def test_what_was_settled_is_not_asked_again(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    served.routes["/a"] = ok(jpeg())
    urls = [served.url("/a"), served.url("/gone")]
    got(tmp_path, urls)
    before = results(tmp_path / "out")
    assert got(tmp_path, urls).failed == {"http-404": 1}
    assert len(served.asked) == 2
    assert results(tmp_path / "out") == before
    served.routes["/gone"] = ok(jpeg(5))
    assert got(tmp_path, urls, retry_failed=True).done == 2
    assert sorted(path for _, path in served.asked) == ["/a", "/gone", "/gone"]


def test_a_file_that_was_lost_or_cut_is_fetched_again(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    served.routes = {"/a": ok(jpeg(1)), "/b": ok(jpeg(2)), "/c": ok(jpeg(3))}
    urls = [served.url(path) for path in ("/a", "/b", "/c")]
    got(tmp_path, urls)
    whole = images(tmp_path / "out")
    first, second, _ = (tmp_path / "out" / name for name in whole)
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    assert got(tmp_path, urls).done == 3
    assert images(tmp_path / "out") == whole
    assert len(served.asked) == 5


def test_failures_that_may_pass_are_tried_again(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    async def nothing(send: Send) -> None:
        pass

    served.routes = {
        "/busy": [ok(b"", "503 Busy", Retry_After="0"), ok(jpeg(1))],
        "/broken": [nothing, nothing, ok(jpeg(2))],
        "/gone": [ok(b"", "410 Gone"), ok(jpeg(3))],
        "/never": ok(b"", "429 Slow down", Retry_After="0"),
        "/century": ok(b"", "503 Busy", Retry_After="3000000000"),
    }
    urls = [served.url(path) for path in served.routes]
    got(tmp_path, urls, replace(SETTINGS, retries=2))
    assert reasons(tmp_path) == ["", "", "http-410", "http-429", "http-503"]
    assert [path for _, path in served.asked].count("/never") == 3
    assert [path for _, path in served.asked].count("/century") == 1


def test_no_host_is_asked_more_than_its_share_at_a_time(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    served.delay = 0.01
    served.routes = {f"/{number}": ok(jpeg(number)) for number in range(40)}
    got(tmp_path, map(served.url, served.routes), replace(SETTINGS, per_host=3))
    assert len(served.asked) == 40
    assert served.at_once == 3


def test_metadata_of_each_row_reach_the_catalogue(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    served.routes = {
        "/a": ok(jpeg(1, 90, 90)),
        "/b": ok(jpeg(2, 90, 90)),
        "/same": ok(jpeg(1, 90, 90)),
    }
    urls = [served.url(path) for path in ("/a", "/b", "/same")]
    source = listed(tmp_path / "list.csv", urls, Title=["Chair", "", "Seat"], price=["7", "8", "9"])
    summary = download(source, tmp_path / "out", settings=SETTINGS)
    with Finder.create(tmp_path / "a.db", "phash") as finder:
        report = finder.add(described(tmp_path / "out", summary.run))
        assert (report.added, report.failed) == (2, ())
        (hit,) = finder.search(jpeg(1, 90, 90), k=1)
        assert hit.title == "Chair"
        assert hit.metadata == {"Title": "Chair", "price": "7", "image": urls[0]}
        assert [item.metadata["price"] for item in hit.items] == ["7", "9"]
        for price in (7, 9):
            (found,) = finder.search(jpeg(1, 90, 90), where={"price": price})
            assert found.id == hit.id
        (hit,) = finder.search(jpeg(2, 90, 90), k=1)
        assert hit.title is None
    metadata = [json.loads(row["metadata"]).get("Title") for row in results(tmp_path / "out")]
    assert metadata == ["Chair", None, "Seat"]


def test_a_folder_keeps_what_several_lists_say(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    served.routes = {"/a": ok(jpeg(1)), "/b": ok(jpeg(2)), "/c": ok(jpeg(3))}
    a, b, c = map(served.url, served.routes)
    one = listed(tmp_path / "one.csv", [a, b], title=["a1", "b1"])
    two = listed(tmp_path / "two.csv", [b, c], title=["b2", "c2"])
    runs = [download(path, tmp_path / "out", settings=SETTINGS).run for path in (one, two)]
    (tmp_path / "out" / "mine.jpg").write_bytes(jpeg(4))

    def titles(run: int | None) -> list[str | None]:
        found = described(tmp_path / "out", run)
        return [given.first_metadata.get("title") for given in found]

    assert titles(runs[1]) == ["b2", "c2"]
    assert titles(runs[0]) == ["a1"]
    assert sorted(map(str, titles(None))) == ["None", "a1", "b2", "c2"]
    assert len(served.asked) == 3


def test_two_programs_do_not_fill_one_folder(tmp_path: Path, served: Web) -> None:
    (tmp_path / "out").mkdir()
    with (
        DownloadState(tmp_path / "out"),
        pytest.raises(DownloadError, match="is in use"),
    ):
        got(tmp_path, [served.url("/")])


def test_a_ledger_that_is_none_is_one_line(tmp_path: Path, served: Web) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".download.db").write_bytes(b"something else, and long enough" * 100)
    with pytest.raises(DownloadError, match=r"\.download\.db cannot be used"):
        got(tmp_path, [served.url("/")])


def test_a_folder_that_cannot_be_filled_is_one_line(tmp_path: Path, served: Web) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(DownloadError, match="out"):
        got(tmp_path, [served.url("/")])


def test_a_folder_that_vanishes_ends_the_run_with_one_line(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    out = tmp_path / "out"
    served.routes = {f"/{number}": ok(jpeg(number)) for number in range(5)}

    def spoil(_: bool) -> None:
        shutil.rmtree(next(out.glob(".part-*"), out / "gone"), ignore_errors=True)

    with pytest.raises(DownloadError, match="No such file"):
        got(tmp_path, map(served.url, served.routes), replace(SETTINGS, jobs=1), progress=spoil)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_can_still_be_added(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    served.routes["/a"] = ok(jpeg())
    got(tmp_path, [served.url("/a")])
    (tmp_path / "out").chmod(0o500)
    try:
        assert [given.metadata for given in described(tmp_path / "out")] != [None]
    finally:
        (tmp_path / "out").chmod(0o700)
