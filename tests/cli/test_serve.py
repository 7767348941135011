"""Options of `serve` that cannot be: they are refused before any process is started."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagefinder.cli import serve
from imagefinder.cli.app import app

MANY = ("--workers", "2", "--port", "0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", "9999999"), "at most 16 here"),
        ((*MANY, "--option", "size=3"), "--option needs --encoder"),
        ((*MANY, "--encoder", "phash", "--option", "size"), "expected NAME=VALUE"),
        ((*MANY, "--host", ""), "it is empty"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    def run(*_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr(serve, "_run", run)
    monkeypatch.setattr(serve, "cores", lambda: 2)
    result = CliRunner().invoke(app, ["serve", *words])
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())


def test_a_watching_process_that_cannot_go_on_says_why_in_one_line(tmp_path: Path) -> None:
    program = (
        "from imagefinder.cli.watch_process import WatchProcess\n"
        "WatchProcess(['gone'], 'c.db', 'phash').work()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"imagefinder: watching: there is no folder {tmp_path / 'gone'} to watch"
    ]
