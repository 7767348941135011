"""The verbs that care for a catalogue: check, backup, vacuum."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import Finder, ImageFinderError
from imagefinder.cli.app import app

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in a folder with a catalogue of three images."""
    (tmp_path / "images").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    with Finder.create(tmp_path / "c.db", "dhash") as finder:
        assert finder.add(tmp_path / "images", metadata={"a": 1}).added == 3
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "c.db")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def damage(path: Path) -> None:
    file = apsw.Connection(str(path))
    file.execute("UPDATE images SET width = width + 1 WHERE key = (SELECT max(key) FROM images)")
    file.execute("UPDATE images SET width = width + 1 WHERE key = (SELECT min(key) FROM images)")
    file.close()


def test_an_intact_catalogue_is_said_to_be(ask: Ask, tmp_path: Path) -> None:
    shown = ask("check")
    assert (shown.exit_code, shown.stdout) == (0, "c.db is intact\n")
    about = json.loads(ask("check", "--json").stdout)
    assert about == {"catalogue": str(tmp_path / "c.db"), "damaged": []}


def test_damage_is_listed_with_the_files_that_have_the_images(ask: Ask, tmp_path: Path) -> None:
    damage(tmp_path / "c.db")
    (tmp_path / "images" / "0.png").write_bytes((tmp_path / "images" / "1.png").read_bytes())
    with pytest.raises(ImageFinderError, match="run imagefinder check"):
        Finder.open("c.db")
    result = ask("check", "--json")
    assert result.exit_code == 1
    found: list[dict[str, Any]] = json.loads(result.stdout)["damaged"]
    assert [one["what"] for one in found] == [f"the record of image {one['id']}" for one in found]
    shown = ask("check")
    assert shown.exit_code == 1
    for one in found:
        if one["source"]:
            assert f"{one['id']}; to be had again from images/" in shown.stdout
        else:
            assert f"{one['id']}; no intact file of it is known" in shown.stdout
    assert [Path(one["source"]).parent.name for one in found if one["source"]]


def test_damaged_images_are_encoded_again(ask: Ask, tmp_path: Path) -> None:
    with Finder.open("c.db") as finder:
        before = {record.key: record for record, _ in finder.store.iter_records()}
        lost = finder.search("images/2.png", k=1)[0].record
    (tmp_path / "images" / "2.png").unlink()
    file = apsw.Connection("c.db")
    file.execute("UPDATE vectors SET vector = zeroblob(length(vector))")
    file.close()
    about = json.loads(ask("check", "--repair", "--json").stdout)
    assert [one["id"] for one in about["lost"]] == [lost.id]
    assert about["encoded"]["added"] == 2
    assert about["kept"] == str(tmp_path / "c.db.damaged-1")
    assert ask("check").exit_code == 0
    with Finder.open("c.db") as finder:
        after = {record.key: record for record, _ in finder.store.iter_records()}
        assert after == {key: one for key, one in before.items() if key != lost.key}
        assert finder.search("images/1.png", k=1)[0].score == 1
    assert ask("check", "--repair").stdout == "c.db is intact\n"


def test_a_repair_of_a_file_record_keeps_the_metadata_of_its_image(ask: Ask) -> None:
    file = apsw.Connection("c.db")
    file.execute("UPDATE files SET mtime_ns = mtime_ns + 1")
    file.close()
    about = json.loads(ask("check", "--repair", "--json").stdout)
    assert (about["encoded"]["added"], about["lost"]) == (3, [])
    with Finder.open("c.db") as finder:
        assert [record.metadata for record, _ in finder.store.iter_records()] == [{"a": 1}] * 3


def test_a_repair_is_told(ask: Ask, tmp_path: Path) -> None:
    damage(tmp_path / "c.db")
    shown = ask("check", "--repair")
    assert (shown.exit_code, shown.stdout.count("to be had again from images/")) == (0, 2)
    assert "c.db is intact again; as it was, it is kept as c.db.damaged-1" in shown.stdout
    with Finder.open("c.db") as finder:
        assert len(finder) == 3


def test_a_copy_is_made(ask: Ask, tmp_path: Path) -> None:
    shown = ask("backup", "copy.db")
    size = (tmp_path / "copy.db").stat().st_size
    assert (shown.exit_code, shown.stdout) == (0, f"{size:,} bytes copied to copy.db\n")
    refused = ask("backup", "copy.db")
    assert isinstance(refused.exception, ImageFinderError)
    assert "--force" in str(refused.exception)
    about = json.loads(ask("backup", "copy.db", "--force", "--json").stdout)
    assert about == {"backup": str(tmp_path / "copy.db"), "bytes": size}
    with Finder.open("copy.db") as finder:
        assert len(finder) == 3


def test_a_copy_goes_where_a_link_leads(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link, file = tmp_path / "copy.db", tmp_path / "disk" / "far.db"
    link.symlink_to(file)
    for force in ([], ["--force"]):
        assert ask("backup", "copy.db", *force).exit_code == 0
    file.write_bytes(b"something else")
    assert ask("backup", "copy.db", "--force").exit_code == 0
    assert link.is_symlink()
    with Finder.open(file) as finder:
        assert len(finder) == 3


def test_space_is_given_back(ask: Ask, tmp_path: Path) -> None:
    with Finder.open("c.db") as finder:
        finder.store.set_metadata("note", "x" * 100_000)
        finder.store.set_metadata("note", "")
    before = (tmp_path / "c.db").stat().st_size
    about = json.loads(ask("vacuum", "--json").stdout)
    freed = before - (tmp_path / "c.db").stat().st_size
    assert about == {"catalogue": str(tmp_path / "c.db"), "freed": freed}
    assert freed > 90_000
    assert ask("vacuum").stdout == "0 bytes given back\n"


def test_a_catalogue_named_before_the_verb_holds_for_that_command_alone(ask: Ask) -> None:
    Finder.create("other.db", "dhash").close()
    assert ask("--db", "other.db", "check").stdout == "other.db is intact\n"
    assert os.environ["IMAGEFINDER_DB"] == "c.db"
    assert ask("check").stdout == "c.db is intact\n"


@pytest.mark.usefixtures("with_stderr")
def test_metadata_are_shown_and_changed(ask: Ask, tmp_path: Path) -> None:
    image = Path("images") / "0.png"
    (shown,) = json.loads(ask("metadata", image).stdout)["items"]
    path = str(tmp_path / image)
    assert shown == {"metadata": {"a": 1}, "path": path, "id": None}
    changed = json.loads(ask("metadata", image, '{"a": null, "b": [2]}').stdout)
    assert [one["metadata"] for one in changed["items"]] == [{"b": [2]}]
    assert json.loads(ask("metadata", changed["id"]).stdout) == changed
    again = ask("metadata", image, '{"b": 3}', "--item", path)
    assert json.loads(again.stdout)["items"][0]["metadata"] == {"b": 3}
    assert ask("metadata", image, "[1]").exit_code == 2
    copy = shutil.copy(image, "images/copy.png")
    assert ask("add", "images").exit_code == 0
    both = json.loads(ask("metadata", copy, '{"c": 4}').stdout)["items"]
    assert {Path(one["path"]).name: one["metadata"] for one in both} == {
        "0.png": {"b": 3},
        "copy.png": {"c": 4},
    }, "each file its own"
    assert isinstance(ask("metadata", "images/none.png").exception, ImageFinderError)
