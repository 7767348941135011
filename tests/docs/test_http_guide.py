"""Every line about the HTTP API that can be run, is run against a server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from imagefinder import Finder

from ..e2e.program import serving
from .conftest import Stage
from .pages import DOCS, ROOT, blocks

GUIDE = [DOCS / "guides" / "http.md"]
SECURITY = [DOCS / "guides" / "security.md"]
PRELUDE = 'set -euo pipefail; curl() { command curl -sS --fail-with-body "$@"; echo; }\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, stage: Stage) -> Path:
    """The files that the guide names, and a catalogue."""
    folder = tmp_path_factory.mktemp("http")
    for name, image in zip(("query", "other", "third", "chair"), "abfs", strict=True):
        named = {"a": "a", "b": "b", "f": "front", "s": "side"}[image]
        shutil.copy(stage.template / f"{named}.jpg", folder / f"{name}.jpg")
    with Finder.create(folder / "imagefinder.db") as finder:
        finder.add(stage.template / "photos")
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    options = ("--db", folder / "imagefinder.db", "--writable", "--uploads", "kept")
    with serving(folder, *options) as client:
        yield client


def here(text: str, client: httpx.Client) -> str:
    """With the address and an id that there are."""
    id_ = client.get("/v1/images?limit=1").json()["images"][0]["id"]
    address = str(client.base_url).rstrip("/")
    return text.replace("http://127.0.0.1:8000", address).replace("3e92d93bb8cd8fb0", id_)


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "KEY": "any"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_lines_work(client: httpx.Client, folder: Path) -> None:
    shell = [block.text for block in blocks("sh", GUIDE) + blocks("sh", SECURITY)]
    answers = [run(["bash", "-c", PRELUDE + here(text, client)], folder) for text in shell]
    search, compare, listing, ordered, added, batch, whole, upgraded, legacy, keyed = answers
    assert search.count('"rank":1,') == 6  # and no image in any kitchen
    assert '"verified":' in compare
    assert '"images":' in listing
    assert ordered.count('"total":') == 2
    assert (folder / "small.jpg").stat().st_size < (folder / "original.jpg").stat().st_size
    assert '"room":"kitchen"' in added
    reports = [json.loads(line) for line in batch.splitlines() if line]
    assert [one.get("status", one.get("finished")) for one in reports] == [
        *(200, {"lines": 1, "failed": 0}),  # an example above has added it
        *(204, {"lines": 1, "failed": 0}),
    ]
    assert '"points":' in whole
    assert re.findall(r'"status":"(?:running|done)"', upgraded)[0] == '"status":"running"'
    assert re.findall(r'"ids":|^\["[0-9a-f]{16}"', legacy, re.MULTILINE) != []
    assert keyed.count('"version":') == 2


def test_the_python_lines_work(client: httpx.Client, folder: Path) -> None:
    (block,) = blocks("python", GUIDE)
    said = run([sys.executable, "-c", here(block.text, client)], folder)
    check_hits(said)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_javascript_lines_work(client: httpx.Client, folder: Path) -> None:
    (block,) = blocks("javascript", GUIDE)
    (folder / "ask.mjs").write_text(here(block.text, client))
    check_hits(run(["node", "--no-warnings", "ask.mjs"], folder))


def check_hits(printed: str) -> None:
    """Five lines of rank, id, name and score."""
    lines = printed.splitlines()
    assert len(lines) == 5
    assert re.match(r"1 [0-9a-f]{16} [\w ]+\.jpg (1\.0|0\.\d)", lines[0])


def test_no_shell_line_is_left_out() -> None:
    assert {block.page for block in blocks("sh")} == {
        str(page.relative_to(ROOT)) for page in GUIDE + SECURITY
    }
