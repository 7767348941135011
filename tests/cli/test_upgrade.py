"""The verb upgrade: what it says, and what its exit status is."""

import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import Finder, RecipeMismatch
from imagefinder.cli.app import app
from imagefinder.encoders.perceptual_hash import DHash
from imagefinder.registry.plugins import DEFAULT_ENCODER

from ..conftest import drawn

Ask = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("with_stderr")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in a folder with a catalogue of three images."""
    (tmp_path / "images").mkdir()
    for number in range(3):
        PIL.Image.fromarray(drawn(number)).save(tmp_path / "images" / f"{number}.png")
    with Finder.create(tmp_path / "c.db", "dhash") as finder:
        assert finder.add(tmp_path / "images").added == 3
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "c.db")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def encoder(catalogue: str = "c.db") -> str:
    with Finder.open(catalogue) as finder:
        return finder.recipe.encoder


def test_it_goes_over_and_back(ask: Ask) -> None:
    shown = ask("upgrade", "--encoder", "phash", "--keep")
    assert shown.exit_code == 0, shown.output
    assert "3 images are searched by phash now, not by dhash; 3 encoded in" in shown.stdout
    assert json.loads(ask("info", "--json").stdout)["kept vectors"] == {"dhash": "3 images"}
    assert "are searched by phash already" in ask("upgrade", "--encoder", "phash").stdout
    refused = ask("upgrade", "--encoder", "classic")
    assert "the vectors of dhash are kept in it" in str(refused.exception)
    about = json.loads(ask("upgrade", "--back", "--json").stdout)
    assert (about["from"], about["to"], about["switched"]) == ("phash", "dhash", True)
    assert (about["images"], about["encoded"], about["missing"]) == (3, 0, [])
    assert encoder() == "dhash"


def test_kept_vectors_are_discarded(ask: Ask) -> None:
    assert ask("upgrade", "--discard").stdout == "there are no vectors to discard\n"
    assert json.loads(ask("upgrade", "--discard", "--json").stdout) == {"discarded": None}
    ask("upgrade", "--encoder", "phash", "--keep")
    assert ask("upgrade", "--discard").stdout == "vectors of 3 images by dhash discarded\n"
    assert "no former vectors are kept" in str(ask("upgrade", "--back").exception)


def test_missing_images_stop_it_until_it_is_told_what_to_do(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "images" / "1.png").unlink()
    shown = ask("upgrade", "--encoder", "phash")
    assert shown.exit_code == 1 and encoder() == "dhash"
    assert "missing: images/1.png: no such file" in shown.stderr
    assert "still searched by dhash: 1 image cannot be encoded again" in shown.stderr
    assert json.loads(ask("info", "--json").stdout)["unfinished upgrade"] == {"phash": "2 images"}
    shown = ask("upgrade", "--encoder", "phash", "--missing", "keep-old")
    assert shown.exit_code == 0, shown.output
    assert "1 images keep their vectors by dhash in c.dhash.db" in shown.stdout
    assert (encoder(), encoder("c.dhash.db")) == ("phash", "dhash")
    both = ask("search", "images/0.png", "--also", "c.dhash.db", "--json", "-k", "3")
    hits = json.loads(both.stdout)["hits"]
    assert {Path(hit["path"]).name for hit in hits} == {"0.png", "1.png", "2.png"}


def test_missing_images_are_dropped(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "images" / "1.png").unlink()
    shown = ask("upgrade", "--encoder", "phash", "--missing", "drop")
    assert "1 image removed" in shown.stdout
    with Finder.open("c.db") as finder:
        assert len(finder) == 2


def test_the_default_encoder_is_the_new_one(ask: Ask) -> None:
    assert json.loads(ask("upgrade", "--json").stdout)["to"] == DEFAULT_ENCODER
    assert encoder() == DEFAULT_ENCODER


@pytest.mark.parametrize("words", [("--back", "--discard"), ("--back", "--encoder", "phash")])
def test_contradictions_are_refused(ask: Ask, words: tuple[str, ...]) -> None:
    refused = ask("upgrade", *words)
    assert refused.exit_code == 2
    assert "give one of --encoder, --back and --discard" in refused.stderr.replace("\n", " ")


def test_a_catalogue_whose_encoder_has_changed_is_upgraded(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("images/1.png").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(DHash, "revision", 2, raising=False)
        with pytest.raises(RecipeMismatch, match="run imagefinder upgrade"):
            Finder.open("c.db")
        shown = ask("upgrade", "--encoder", "dhash", "--missing", "keep-old")
        assert shown.exit_code == 0, shown.output
        with Finder.open("c.db") as finder:
            assert (finder.recipe.revision, len(finder)) == (2, 2)
    with Finder.open("c.dhash.db") as finder:
        assert (finder.recipe.revision, len(finder)) == (1, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--old", "x.db"], "--old goes with --missing keep-old"),
        (["--old", "x.db", "--missing", "drop"], "--old goes with --missing keep-old"),
        (["--discard", "--keep"], "--discard takes no other options"),
        (["--discard", "--missing", "drop"], "--discard takes no other options"),
    ],
)
def test_options_that_would_do_nothing_are_refused(ask: Ask, words: list[str], says: str) -> None:
    refused = ask("upgrade", *words)
    assert refused.exit_code == 2
    assert says in " ".join(refused.output.split())
