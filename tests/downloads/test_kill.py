"""A download that is killed at any moment ends, run again, as one that was left alone."""

import csv
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imagefinder.downloads import partial_file

from ..e2e.program import answer, run_in, started, until
from .conftest import Jpeg
from .server import Web, ok, redirect

KILLS = 10
URLS = 400


def serve(web: Web, jpeg: Jpeg) -> Sequence[str]:
    """Images, of which some are the same, fail or lie elsewhere."""
    web.delay = 0.02
    for number in range(URLS):
        web.routes[f"/{number}.jpg"] = ok(jpeg(number % 350, 32, 32))
        if number % 20 == 3:
            web.routes[f"/{number}.jpg"] = ok(b"", "404 Not Found")
        elif number % 20 == 7:
            web.routes[f"/{number}.jpg"] = redirect(f"/{number - 1}.jpg")
    return [web.url(f"/{number}.jpg") for number in range(URLS)]


def end(folder: Path) -> dict[str, Any]:
    """All that a download leaves: files and their content, results, and what the state says."""
    with closing(sqlite3.connect(folder / ".download.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        state = {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("urls", "pictures")
        }
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".download.db")
    }
    return {**files, **state}


def test_killed_at_ten_random_points_it_comes_to_the_same_end(
    tmp_path: Path, served: Web, jpeg: Jpeg
) -> None:
    urls = serve(served, jpeg)
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("url", "title"), *((url, f"t{n}") for n, url in enumerate(urls))]
        )
    words = ("download", "list.csv", "--allow-private", "--jobs", "4", "--retries", "0", "-o")
    summary = answer(run_in(tmp_path, *words, "whole", "--json"))
    assert (summary["urls"], summary["failed"]) == (URLS, {"http-404": 20})
    whole = end(tmp_path / "whole")

    moments = random.Random(5)
    counts = []
    for _ in range(KILLS):
        before = len(served.asked)
        more = moments.randrange(1, 30)
        with started(tmp_path, *words, "killed") as process:
            until(lambda: len(served.asked) >= before + more or process.poll() is not None)  # noqa: B023
            time.sleep(moments.random() / 20)
            process.kill()
        counts.append(len(list((tmp_path / "killed").glob("??/*.jpg"))))
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] < len(whole)

    assert answer(run_in(tmp_path, *words, "killed", "--json"))["done"] == URLS - 20
    assert end(tmp_path / "killed") == whole


def test_workers_of_a_killed_run_may_still_be_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the folder for partial files cannot be taken away."""
    (tmp_path / "parts" / "of-a-worker").mkdir(parents=True)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with partial_file.folder_of_parts(str(tmp_path / "parts")):
        assert (tmp_path / "parts").is_dir()
