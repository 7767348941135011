"""Images that change at their URLs, and rows that leave their list."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagefinder import Finder
from imagefinder.downloads import DownloadSettings, FetchLimits, Summary, described, download

from .conftest import Jpeg
from .server import Web, ok

SETTINGS = DownloadSettings(retries=0, limits=FetchLimits(allow_private=True, seconds=5))


@pytest.fixture
def listed(tmp_path: Path, served: Web, jpeg: Jpeg) -> Path:
    served.routes = {f"/{n}": ok(jpeg(n, 90, 80), ETag=f'"{n}"') for n in range(3)}
    (tmp_path / "list.csv").write_text("url\n" + "\n".join(map(served.url, served.routes)))
    return tmp_path / "list.csv"


def got(listed: Path, **more: Any) -> Summary:
    return download(listed, listed.parent / "out", settings=SETTINGS, **more)


def contents(folder: Path) -> set[bytes]:
    return {Path(str(given.content)).read_bytes() for given in described(folder)}


def test_only_what_has_changed_is_fetched_again(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    first = got(listed)
    old = contents(tmp_path / "out")
    served.routes["/0"] = ok(b"", "304 Not Modified")
    served.routes["/1"] = ok(jpeg(11, 90, 80), ETag='"11"')
    served.routes["/2"] = ok(b"", "404 Not Found")
    assert got(listed).changed == 0, "without --refresh nothing is asked"
    summary = got(listed, refresh=True)
    assert (first.changed, summary.changed, summary.done, summary.failed) == (0, 1, 3, {})
    assert ['If-None-Match: "' in head for head in served.heads] == [False] * 3 + [True] * 3
    assert contents(tmp_path / "out") == (old - {jpeg(1, 90, 80)}) | {jpeg(11, 90, 80)}
    (replaced,) = summary.replaced()
    assert replaced.read_bytes() == jpeg(1, 90, 80), "its file is kept"
    served.routes["/1"] = ok(b"", "304 Not Modified")
    assert got(listed, refresh=True).changed == 0
    assert 'If-None-Match: "11"' in served.heads[-1] + served.heads[-2] + served.heads[-3]


def test_a_server_that_names_no_version_is_compared_by_content(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    served.routes = {f"/{n}": ok(jpeg(n, 90, 80)) for n in range(3)}
    got(listed)
    assert got(listed, refresh=True).changed == 0
    served.routes["/2"] = ok(jpeg(12, 90, 80))
    assert got(listed, refresh=True).changed == 1
    assert jpeg(12, 90, 80) in contents(tmp_path / "out")


def test_an_image_that_comes_back_is_no_longer_replaced(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    got(listed)
    served.routes["/1"] = ok(jpeg(11, 90, 80))
    assert len(got(listed, refresh=True).replaced()) == 1
    served.routes["/1"] = ok(jpeg(1, 90, 80))
    (replaced,) = got(listed, refresh=True).replaced()
    assert replaced.read_bytes() == jpeg(11, 90, 80)
    assert jpeg(1, 90, 80) in contents(tmp_path / "out")


def test_a_refresh_that_fails_keeps_what_is_there(listed: Path, served: Web) -> None:
    got(listed)
    for path in served.routes:
        served.routes[path] = ok(b"<html>", Content_Type="image/jpeg")
    assert got(listed, refresh=True).done == 3
    private = replace(SETTINGS, limits=FetchLimits())
    assert download(listed, listed.parent / "out", settings=private, refresh=True).done == 3


def test_a_catalogue_follows_a_folder_that_was_refreshed(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    got(listed)
    with Finder.create(tmp_path / "a.db", "phash") as finder:
        finder.add(tmp_path / "out")
        served.routes["/1"] = ok(jpeg(11, 90, 80))
        got(listed, refresh=True)
        report = finder.add(tmp_path / "out")
        assert (report.added, report.unchanged) == (1, 2)
        assert finder.search(jpeg(1, 90, 80), k=1)[0].score < 1
        assert finder.search(jpeg(11, 90, 80), k=1)[0].score == 1
        assert len(finder.search(jpeg(1, 90, 80), k=9)) == 3


def test_rows_that_left_are_told_unless_another_list_has_them(
    tmp_path: Path, listed: Path, served: Web
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(f"url\n{served.url('/0')}\n")
    got(other)
    assert got(listed).unlisted() == []
    listed.write_text(f"url\n{served.url('/2')}\n")
    summary = got(listed)
    assert len(summary.unlisted()) == 1, "the first is in the other list, the last is in this one"
    assert all(path.exists() for path in summary.unlisted())
    assert summary.replaced() == []
