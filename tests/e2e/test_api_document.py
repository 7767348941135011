"""Every line of docs/api.md that can be run, is run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .program import serving

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
PRELUDE = 'set -euo pipefail; curl() { command curl -sS --fail-with-body "$@"; echo; }\n'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def documented(tmp_path: Path, stocked: Path, pictures: list[Path]) -> Iterator[httpx.Client]:
    """A server as the document has it, and the files that it names."""
    for name, picture in zip(("query", "other", "third", "chair"), pictures[::30], strict=False):
        (tmp_path / f"{name}.jpg").write_bytes(picture.read_bytes() + name.encode())
    with serving(tmp_path, "--db", stocked, "--writable", "--uploads", "kept") as client:
        yield client


def here(block: str, client: httpx.Client) -> str:
    """With the address and an id that there are."""
    id_ = client.get("/v1/images?limit=1").json()["images"][0]["id"]
    address = str(client.base_url).rstrip("/")
    return block.replace("http://127.0.0.1:8000", address).replace("3e92d93bb8cd8fb0", id_)


def done(command: list[str], folder: Path) -> str:
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
def test_the_curl_lines_work(documented: httpx.Client, tmp_path: Path) -> None:
    said = [
        done(["bash", "-c", PRELUDE + here(block, documented)], tmp_path) for block in blocks("sh")
    ]
    assert len(said) == 7
    assert said[0].count('"rank":1,') == 6  # and no picture in any kitchen
    assert '"verified":' in said[1]
    assert '"room":"kitchen"' in said[3]
    assert (tmp_path / "small.jpg").stat().st_size < (tmp_path / "picture.jpg").stat().st_size
    assert re.findall(r'"ids":|^\["[0-9a-f]{16}"', said[6], re.MULTILINE) != []


def test_the_python_lines_work(documented: httpx.Client, tmp_path: Path) -> None:
    (block,) = blocks("python")
    said = done([sys.executable, "-c", here(block, documented)], tmp_path)
    assert re.match(r"1 [0-9a-f]{16} \w+\.jpg (1\.0|0\.99)", said)
    assert len(said.splitlines()) == 5


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_javascript_lines_work(documented: httpx.Client, tmp_path: Path) -> None:
    (block,) = blocks("javascript")
    (tmp_path / "ask.mjs").write_text(here(block, documented))
    said = done(["node", "--no-warnings", "ask.mjs"], tmp_path)
    assert re.match(r"1 [0-9a-f]{16} \w+\.jpg (1\.0|0\.99)", said)
    assert len(said.splitlines()) == 5
