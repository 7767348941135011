"""`imagefinder download`, and `add` of a list, as a user meets them."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ..e2e.program import answer, misuse, refusal, run_in, started, until
from .conftest import Jpeg
from .server import Web, ok

FETCH = ("--allow-private", "--retries", "0", "-o", "out")


@pytest.fixture
def listed(tmp_path: Path, served: Web, jpeg: Jpeg) -> Path:
    """A list of two images with titles, and of one that is gone."""
    served.routes = {"/a.jpg": ok(jpeg(1, 90, 80)), "/b.jpg": ok(jpeg(2, 90, 80))}
    lines = [
        "Title,image",
        f'"A chair,\nred",{served.url("/a.jpg")}|{served.url("/gone.jpg")}',
        f"B,{served.url('/b.jpg')}",
    ]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path / "list.csv"


def test_download_says_how_it_went(tmp_path: Path, listed: Path) -> None:
    result = run_in(tmp_path, "download", "list.csv", *FETCH)
    assert result.returncode == 0
    first, last = result.stdout.decode().splitlines()
    assert first.startswith("2 of 3 URLs (column 'image') gave 2 images in ")
    assert last == "the outcome of every URL is in out/results.csv"
    assert result.stderr == b"without an image: 1 http-404\n"


def test_download_and_then_add_keeps_the_titles(tmp_path: Path, listed: Path) -> None:
    summary = answer(run_in(tmp_path, "download", "list.csv", *FETCH, "--json"))
    assert summary["failed"] == {"http-404": 1}
    assert answer(run_in(tmp_path, "add", "out", "--encoder", "phash", "--json"))["added"] == 2
    image = next((tmp_path / "out").glob("??/*.jpg"))
    hits = answer(run_in(tmp_path, "search", image, "--json"))["hits"]
    assert {hit["title"] for hit in hits} == {"A chair,\nred", "B"}
    table = run_in(tmp_path, "search", image).stdout.decode()
    assert "title" in table
    assert "A chair, red" in table


def test_add_of_a_list_does_both_steps(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    (tmp_path / "own.jpg").write_bytes(jpeg(9, 90, 80))
    options = ("--allow-private", "--encoder", "phash", "--jobs", "2")
    words = ("add", "list.csv", "own.jpg", *options, "--header", "Referer: https://shop.example/")
    report = answer(run_in(tmp_path, "--db", "shop.db", *words, "--json"))
    assert (report["added"], report["failed"]) == (3, [])
    assert report["lists"][0]["failed"] == {"http-404": 1}
    assert len(list((tmp_path / "shop-images").glob("??/*.jpg"))) == 2
    assert all("Referer: https://shop.example/" in head for head in served.heads)
    again = run_in(tmp_path, "--db", "shop.db", *words).stdout.decode()
    assert "gave 2 images" in again
    assert "3 unchanged" in again


def test_sync_of_a_list_follows_its_rows_and_their_metadata(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    (tmp_path / "own.jpg").write_bytes(jpeg(9, 90, 80))
    served.routes["/gone.jpg"] = ok(jpeg(3, 90, 80))

    def run(*words: str, code: int = 0) -> dict[str, Any]:
        options = ("--allow-private", "--retries", "0")
        result = run_in(tmp_path, "--db", "shop.db", *words, *options, "--json")
        assert result.returncode == code, result.stderr
        report = json.loads(result.stdout)
        names = ("added", "updated", "unchanged", "removed", "kept")
        return {name: report[name] for name in names if report[name]}

    assert run("add", "own.jpg", "list.csv", "--encoder", "phash") == {"added": 4}
    assert run("sync", "list.csv") == {"unchanged": 3}
    text = listed.read_text()
    listed.write_text(text.replace("red", "blue").partition(f"\nB,{served.url('/b.jpg')}")[0])
    served.routes["/gone.jpg"] = ok(jpeg(4, 90, 80))
    assert run("sync", "list.csv", "--refresh") == {"added": 1, "updated": 1, "removed": 2}
    assert len(list((tmp_path / "shop-images").glob("??/*.jpg"))) == 4, "files are kept"
    listed.write_text(f"Title,image\nA,{served.url('/a.jpg')}\nB,{served.url('/gone.jpg')},x\n")
    (kept,) = run("sync", "list.csv", code=1)["kept"]
    assert "line 3 has 3 cells" in kept["reason"]
    assert run("sync", "list.csv", "--force") == {"unchanged": 1, "removed": 1}


def test_a_list_that_leads_to_nothing_is_a_failure(tmp_path: Path, served: Web) -> None:
    (tmp_path / "list.csv").write_text(f"url\n{served.url('/gone.jpg')}\n")
    assert run_in(tmp_path, "download", "list.csv", *FETCH).returncode == 1
    result = run_in(tmp_path, "add", "list.csv", "--allow-private", "--encoder", "phash", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["lists"][0]["done"] == 0


def test_this_machine_is_not_fetched_from_by_itself(tmp_path: Path, listed: Path) -> None:
    result = run_in(tmp_path, "download", "list.csv", "-o", "out")
    assert result.returncode == 1
    assert b"without an image: 3 private-address\n--allow-private fetches" in result.stderr
    assert answer(run_in(tmp_path, "download", "list.csv", *FETCH, "--json"))["done"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ("download", "missing.csv", "-o", "out"),
        ("download", "list.xlsx", "-o", "out"),
        ("download", "list.csv", "-o", "out", "--column", "nope"),
        ("download", "list.csv", "-o", "list.csv"),
        ("add", "missing.csv", "--encoder", "phash"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, listed: Path, words: tuple[str, ...]
) -> None:
    assert refusal(run_in(tmp_path, *words))
    assert not (tmp_path / "out" / "results.csv").exists()


def test_wrong_use_is_told(tmp_path: Path, listed: Path) -> None:
    misuse(run_in(tmp_path, "download", "list.csv"))
    misuse(run_in(tmp_path, "download", "list.csv", "-o", "out", "--jobs", "0"))
    misuse(run_in(tmp_path, "add", "list.csv", "--header", "Host: internal"))


def test_an_interrupt_keeps_what_was_done(tmp_path: Path, served: Web, jpeg: Jpeg) -> None:
    served.delay = 0.1
    served.routes = {f"/{number}.jpg": ok(jpeg(number, 32, 32)) for number in range(60)}
    urls = "\n".join(map(served.url, served.routes))
    (tmp_path / "list.csv").write_text(f"url\n{urls}\n")
    words = ("download", "list.csv", *FETCH)
    with started(tmp_path, *words, "--jobs", "2") as process:
        until(lambda: len(served.asked) > 8)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, stderr = process.communicate(timeout=20)
        assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert stderr.decode().startswith("imagefinder: interrupted; progress is saved")
    assert "Traceback" not in stderr.decode()
    asked = len(served.asked)
    served.delay = 0
    assert answer(run_in(tmp_path, *words, "--json"))["done"] == 60
    assert len(served.asked) <= 60 + 2 + (asked - len(set(served.asked[:asked])))
