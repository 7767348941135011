"""The demonstration."""

import re
from pathlib import Path

from .program import Run, answer, refusal


def test_the_demonstration_finds_most_and_can_be_run_again(run: Run, tmp_path: Path) -> None:
    first = answer(run("demo", "--json"))
    beside = tmp_path / "imagefinder-demo" / "demo.db.backup"
    beside.write_text("mine")
    assert first["images"] >= 96
    assert first["searches"] == len(first["hits"]) > 0
    assert first["found"] == sum(hit["found"] for hit in first["hits"])
    assert first["found"] / first["searches"] >= 0.9

    again = run("demo")
    assert beside.read_text() == "mine"
    assert (again.returncode, again.stderr) == (0, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["imagefinder-demo"]
    *_, result, advice = again.stdout.decode().splitlines()
    assert result.startswith(f"{first['found']} of {first['searches']} found")
    assert re.match(r"Now try: (python -m )?imagefinder search ", advice)
    suggested = advice.partition(" imagefinder ")[2].split()
    assert len(answer(run(*suggested, "--json"))["hits"]) == 3


def test_the_demonstration_leaves_a_folder_of_other_things_alone(
    run: Run, tmp_path: Path, folder: Path
) -> None:
    before = sorted(folder.iterdir())
    assert "contains other files" in refusal(run("demo", "folder"))
    assert sorted(folder.iterdir()) == before
    (tmp_path / "mine").mkdir()
    answer(run("add", "folder", "--db", "mine/demo.db", "--json"))
    assert "is not a demo's" in refusal(run("demo", "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["demo.db"]


def test_the_demonstration_needs_a_folder_not_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refusal(run("demo", "file"))
    assert (tmp_path / "file").read_text() == "mine"
