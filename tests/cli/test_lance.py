"""The commands with a catalogue in a folder of Lance."""

import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from typer.testing import CliRunner

from imagefinder.cli.app import app

from ..conftest import drawn

pytest.importorskip("lance", reason="it needs: pip install 'imagefinder[lance]'")


def ask(*words: object) -> Any:
    result = CliRunner().invoke(app, [str(word) for word in (*words, "--json")])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_folder_of_lance_is_named_where_a_catalogue_is(tmp_path: Path, with_stderr: None) -> None:
    images, catalogue = tmp_path / "images", tmp_path / "photos.lance"
    images.mkdir()
    for seed in range(5):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed}.jpg")
    assert ask("add", images, "--db", catalogue, "--encoder", "phash")["added"] == 5
    assert ask("add", images, "--db", catalogue)["unchanged"] == 5
    query = images / "3.jpg"
    assert ask("search", query, "--db", catalogue)["hits"][0]["path"] == str(query)
    query.unlink()
    assert ask("sync", images, "--db", catalogue)["removed"] == 1
    about = ask("info", "--db", catalogue)
    assert (about["images"], about["catalogue"]) == (4, str(catalogue))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["info", "--db", str(tmp_path)])
    assert result.exit_code == 2
