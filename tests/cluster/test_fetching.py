"""A real Ray and a real web server on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.downloads.server import Web, ok, web
from typer.testing import CliRunner

from imagefinder import Finder
from imagefinder.cli.app import app
from imagefinder.cluster import ClusterOptions, fetching
from imagefinder.cluster.fetching import FetcherPool, FetchingWorker
from imagefinder.downloads import DownloadSettings, FetchLimits, download
from imagefinder.downloads.image_fetcher import Destination
from imagefinder.downloads.validators import NONE
from imagefinder.errors import ClusterError, Unreachable

SETTINGS = DownloadSettings(retries=0, limits=FetchLimits(allow_private=True))
OPTIONS = ClusterOptions(workers=2)


@pytest.fixture
def served() -> Iterator[Web]:
    with web() as content:
        yield content


@pytest.fixture
def urls(served: Web, photos: Path, tmp_path: Path) -> Path:
    """A list of images, of which two are the same, and of two URLs that give none."""
    served.routes = {f"/{path.stem}": ok(path.read_bytes()) for path in photos.glob("*.png")}
    served.routes["/none"] = ok(b"no image")
    names = ["00", "01", "02", "none", "03", "gone"]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["url,title", *(f"{served.url('/' + n)},of {n}" for n in names)]))
    return path


def test_a_folder_is_filled_as_by_one_machine(ray: Any, urls: Path, tmp_path: Path) -> None:
    download(urls, tmp_path / "one", settings=SETTINGS)
    by = fetching(OPTIONS)
    summary = download(urls, tmp_path / "many", settings=SETTINGS, fetching=by)
    assert (summary.done, summary.images) == (4, 3)
    assert summary.failed == {"not-an-image": 1, "http-404": 1}
    assert tree(tmp_path / "many") == tree(tmp_path / "one")


def tree(folder: Path) -> dict[str, bytes]:
    """All files but the state."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in (".png", ".csv") or ".part" in str(path)
    }


def test_a_list_is_added_once_with_its_metadata(
    ray: Any, urls: Path, served: Web, tmp_path: Path, with_stderr: None
) -> None:
    words = ["cluster", "add", str(urls), "--db", str(tmp_path / "c.db"), "--workers", "2"]
    words += ["--encoder", "phash", "--allow-private", "--retries", "0", "--json"]
    said = json.loads(CliRunner().invoke(app, words).stdout)
    assert (said["added"], said["lists"][0]["images"]) == (3, 3)
    assert said["lists"][0]["failed"] == {"not-an-image": 1, "http-404": 1}
    with Finder.open(tmp_path / "c.db") as finder:
        titles = {hit.title for hit in finder.search(tmp_path / "photos" / "02.png", k=3)}
    assert titles == {"of 00", "of 02", "of 03"}
    asked = len(served.asked)
    again = json.loads(CliRunner().invoke(app, words).stdout)
    assert (again["added"], again["unchanged"], len(served.asked)) == (0, 3, asked)


def test_a_lost_worker_is_replaced(ray: Any, tmp_path: Path) -> None:
    class Mortal:
        """Dies with each URL once."""

        async def begin(self) -> None:
            pass

        async def fetch(self, url: str, known: object) -> None:
            mark = tmp_path / url
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    actor = ray.remote(num_cpus=1, max_restarts=0)(Mortal)

    async def fetched() -> None:
        pool = FetcherPool(ray, actor.remote)
        pool.start(1)
        try:
            for url in ("a", "b"):
                with pytest.raises(Unreachable) as lost:
                    await pool.fetch(url, NONE)
                assert (lost.value.reason, lost.value.retryable) == ("worker-lost", True)
                assert await pool.fetch(url, NONE) is None
        finally:
            pool.close()

    asyncio.run(fetched())


def test_a_folder_that_a_machine_does_not_have_is_told(tmp_path: Path) -> None:
    away = Destination(tmp_path / "away", str(tmp_path / "away" / "parts"), SETTINGS)
    with pytest.raises(ClusterError, match="into a folder that they share"):
        asyncio.run(FetchingWorker(away).begin())
