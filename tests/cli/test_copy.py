"""The verb copy: what it says, and what its exit status is."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imagefinder import ImageFinderError
from imagefinder.catalogue.comparison import AllImages, open_snapshot
from imagefinder.cli.app import app
from imagefinder.cli.terminal import ProgressBar
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

Ask = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("with_stderr")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in a folder with a catalogue of thirty images."""
    with closing(SqliteStore.create(tmp_path / "a.db", Recipe("test", {}, 8, "cosine"))) as store:
        store.write(random_entries(30, 8))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_it_copies_and_compares(ask: Ask) -> None:
    shown = ask("copy", "a.db", "b.db")
    assert shown.exit_code == 0, shown.output
    first, second = shown.stdout.splitlines()
    assert first.startswith("30 images copied to b.db in ")
    assert second.startswith("equal: 30 images, SHA-256 of their contents ")
    assert ask("copy", "--compare", "a.db", "b.db").stdout == f"{second}\n"
    refused = ask("copy", "a.db", "b.db")
    assert isinstance(refused.exception, ImageFinderError)
    assert "b.db is a catalogue already, and stays as it is" in str(refused.exception)


def test_the_answer_for_programs(ask: Ask) -> None:
    about = json.loads(ask("copy", "a.db", "b.db", "--json").stdout)
    first, second = about.pop("checksums")
    assert first == second
    assert about.pop("seconds") >= 0
    assert about == {
        "written": 30,
        "equal": True,
        "images": [30, 30],
        "differing": 0,
        "differences": [],
        "properties": [],
        "notes": [],
    }


def test_differences_are_listed(ask: Ask) -> None:
    ask("copy", "a.db", "b.db")
    with closing(SqliteStore.open(Path("b.db"))) as store:
        keys = store.select().tolist()
        store.remove_images(keys[:25])
        store.set_metadata("note", "new")
    shown = ask("copy", "--compare", "a.db", "b.db")
    assert shown.exit_code == 1
    lines = shown.stdout.splitlines()
    assert lines[0] == f"{keys[0]:016x}: only in the first"
    assert lines[-2:] == [
        "... and 5 more",
        "not equal: 30 images and 5, which differ in 25 images, metadata",
    ]
    about = json.loads(ask("copy", "--compare", "a.db", "b.db", "--json").stdout)
    assert (about["equal"], about["differing"], len(about["differences"])) == (False, 25, 20)


def test_it_is_said_if_the_copy_is_not_equal(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.catalogue.copying._Batch.flush", lambda _: None)
    shown = ask("copy", "a.db", "b.db")
    assert shown.exit_code == 1
    assert "not equal: 30 images and 0, which differ in 30 images" in shown.stdout
    assert "b.db is an unfinished copy of" in str(ask("info", "--db", "b.db").exception)


def test_there_is_a_bar_for_each_step(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def tracked(bar: ProgressBar, doing: str, items: Iterable[Any]) -> Iterator[Any]:
        every = list(items)
        steps.append((doing, len(every), bar.is_shown))
        return iter(every)

    monkeypatch.setattr(ProgressBar, "track", tracked)
    assert ask("copy", "a.db", "b.db").exit_code == 0
    assert steps == [("copying", 30, False), ("comparing", 30, False)]
    assert ask("copy", "--compare", "a.db", "b.db").exit_code == 0
    assert steps[2:] == [("comparing", 30, False)]


def test_the_number_of_images_is_known_to_the_bar(ask: Ask) -> None:
    del ask
    with open_snapshot("a.db") as snapshot:
        assert AllImages(snapshot).__length_hint__() == 30
