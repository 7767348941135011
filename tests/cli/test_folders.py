"""What add, sync, remove and info say of folders, inside this process."""

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import NotFound
from imagefinder.cli.app import app

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in a folder with two times five images, whose catalogue is small."""
    for number in range(10):
        folder = tmp_path / "images" / ("a" if number < 5 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "c.db")

    def asked(*words: str) -> Result:
        new = ("--encoder", "dhash") if words[0] in ("add", "sync") else ()
        return CliRunner().invoke(app, [*words, *new])

    return asked


def report(result: Result) -> Any:
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def test_the_summary_counts_failures_and_what_was_passed_over(ask: Ask, tmp_path: Path) -> None:
    for name in ("1.nef", "2.nef", "3.NEF", "4.nef", "clip.mov"):
        (tmp_path / "images" / name).touch()
    (tmp_path / "images" / "bad.jpg").touch()
    said = ask("add", "images")
    lines = said.stdout.splitlines()
    assert lines[0].startswith("10 added, 1 failed, 5 passed over in ")
    assert lines[1:] == [
        "passed over: 4 × raw (images/1.nef, images/2.nef, images/3.NEF, …)",
        "passed over: 1 × video (images/clip.mov)",
    ]
    about = report(ask("sync", "images", "--json"))
    assert about["skipped"] == {"raw": 4, "video": 1}
    assert about["skipped_examples"]["video"] == [str(tmp_path / "images" / "clip.mov")]


def test_a_folder_of_raw_files_says_that_it_has_no_images(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "1.cr2").touch()
    assert ask("add", "raw").stdout.startswith("no images, 1 passed over in ")


def test_names_that_were_passed_over_are_harmless_to_the_terminal(ask: Ask, tmp_path: Path) -> None:
    for name in (b"\x1b[2J.nef", b"two\nlines.nef", b"\xff.nef"):
        Path(str(tmp_path), "images", name.decode(errors="surrogateescape")).touch()
    said = ask("add", "images")
    assert said.stdout_bytes.count(b"\n") == 2
    assert b"\x1b" not in said.stdout_bytes
    assert report(ask("add", "images", "--json"))["skipped"] == {"raw": 3}


def test_kept_images_are_said_with_exit_code_one(ask: Ask, tmp_path: Path) -> None:
    ask("sync", "images")
    for image in (tmp_path / "images" / "b").iterdir():
        image.unlink()
    said = ask("sync", "images")
    assert said.exit_code == 1
    assert "kept: images/b: " in said.stderr
    assert "imagefinder sync --force" in said.stderr
    shutil.rmtree(tmp_path / "images" / "a")
    refused = ask("sync", "images", "--json")
    assert isinstance(refused.exception, NotFound)
    assert refused.stdout == ""
    assert report(ask("sync", "images", "--force", "--json"))["removed"] == 10


def test_globs_are_kept_shown_and_taken_back(ask: Ask) -> None:
    assert report(ask("sync", "images", "--exclude", "b/", "--json"))["added"] == 5
    assert report(ask("info", "--json"))["excluded"] == ["b/"]
    assert "b/" in ask("info").stdout
    assert report(ask("sync", "images", "--include", "b/", "--json"))["added"] == 5
    assert report(ask("remove", "images/a", "--exclude", "--json"))["removed"] == 5
    assert report(ask("sync", "images", "--json"))["unchanged"] == 5
    wrong = ask("add", "images", "--exclude", "!")
    assert (wrong.exit_code, "glob" in wrong.stderr) == (2, True)


def test_a_truncated_image_is_a_warning_or_with_strict_a_failure(ask: Ask, tmp_path: Path) -> None:
    cut = tmp_path / "images" / "a" / "0.jpg"
    cut.write_bytes(cut.read_bytes()[:-300])
    assert "failed: images/a/0.jpg: " in ask("add", "images", "--strict").stderr
    said = ask("add", "images")
    assert (said.exit_code, said.stdout.split(",")[0]) == (0, "1 added")
    assert "warning: images/a/0.jpg: truncated" in said.stderr


def test_a_folder_that_a_server_watches_may_begin_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("imagefinder.cli.serve._watching", lambda *_: nullcontext())
    monkeypatch.setattr("imagefinder.cli.serve._run", lambda *_: None)
    assert CliRunner().invoke(app, ["serve", "--watch=~/p"]).exit_code == 0
    assert CliRunner().invoke(app, ["serve", "--watch=~/none"]).exit_code == 2
