"""The verbs of the Makefile, without doing what they do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .e2e.program import clean_env

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    """What it would do, or says."""
    return subprocess.run(
        ["make", *words],  # noqa: S607
        cwd=ROOT,
        env=clean_env(),
        capture_output=True,
        text=True,
        check=False,
    )


def commands(*words: str) -> list[str]:
    """What of the program would be run."""
    planned = make("--dry-run", *words)
    assert planned.returncode == 0, planned.stderr
    return [found.rstrip() for found in re.findall(r"bin/imagefinder (.+)", planned.stdout)]


def test_the_whole_chain_runs_in_its_order() -> None:
    options = ("DOWNLOAD=--allow-private --jobs 2", "ADD=--local sift", "SERVE=--writable")
    assert commands("run-api-prod", "LIST=list.csv", *options) == [
        "download 'list.csv' --output 'pictures' --allow-private --jobs 2",
        "add 'pictures' --db 'imagefinder.db' --local sift",
        "serve --db 'imagefinder.db' --writable",
    ]


def test_where_things_lie_can_be_said() -> None:
    assert commands("database", "PICTURES=my own", "DB=a.db") == ["add 'my own' --db 'a.db'"]
    assert commands("run-api", "DB=a.db") == ["serve --db 'a.db'"]


@pytest.mark.parametrize("verb", ["download", "run-api-prod"])
def test_a_list_must_be_named(verb: str) -> None:
    refused = make("--dry-run", verb)
    assert refused.returncode == 2
    assert "say which list of URLs: make download LIST=list.csv" in refused.stderr


def test_help_names_every_verb() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (verbs,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    named = set(re.findall(r"make ([\w-]+)", make("help").stdout))
    assert named == set(verbs.split()) - {"help", "lint", "unit"}
