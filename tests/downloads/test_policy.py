"""A changed policy fetches what another one refused, and nothing else."""

from dataclasses import replace
from pathlib import Path

from imagefinder.downloads import DownloadSettings, FetchLimits, Summary, download

from .conftest import Jpeg
from .server import Web, ok


def test_each_refusal_is_undone_by_the_setting_that_led_to_it(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    limits = FetchLimits(allow_private=True, seconds=5)
    served.routes = {
        "/large": ok(jpeg(1, 90, 80) + bytes(5000)),
        "/tiny": ok(jpeg(2, 20, 20)),
        "/login": ok(b"no", "403 Forbidden"),
        "/gone": ok(b"", "404 Not Found"),
    }
    (tmp_path / "list.csv").write_text("url\n" + "\n".join(map(served.url, served.routes)))

    def got(settings: DownloadSettings) -> Summary:
        return download(tmp_path / "list.csv", tmp_path / "out", settings=settings)

    strict = DownloadSettings(
        retries=0, min_side=32, limits=replace(limits, allow_private=False, max_bytes=4000)
    )
    assert got(strict).failed == {"private-address": 4}
    open_ = replace(strict, limits=replace(limits, max_bytes=4000))
    refused = {"too-large": 1, "too-small": 1, "http-403": 1, "http-404": 1}
    assert got(open_).failed == refused
    assert got(strict).failed == refused, "a narrower policy undoes nothing"
    assert len(served.asked) == 4
    assert got(replace(open_, min_side=16)).done == 1
    assert got(replace(open_, limits=limits)).done == 2
    assert len(served.asked) == 6
    served.routes["/login"] = ok(jpeg(3, 90, 80))
    assert got(replace(open_, headers={"Referer": "x"})).done == 3
    assert len(served.asked) == 8, "what the server refused is asked again with other headers"
