"""The name of a model that is not here, and its vectors among those of others."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from imagefinder import ExchangeError, Finder, PluginError, RecipeMismatch, make_encoder
from imagefinder.cli.app import app
from imagefinder.encoders.external import External
from imagefinder.errors import ModelError
from imagefinder.registry.factory import encoder_from, recipe_of
from imagefinder.registry.recipes import from_json, to_json
from imagefinder.types import Features

from ..conftest import drawn

COUNT, DIM = 6, 5
OWN = ("--encoder", "external:my-model", "-o", "dim=5")
Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def vectors() -> Features:
    return np.random.default_rng(7).standard_normal((COUNT, DIM)).astype(np.float32)


@pytest.fixture
def ask(
    tmp_path: Path, vectors: Features, with_stderr: None, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    """Runs a command in a folder with images, and the vectors of a model that is not here."""
    (tmp_path / "images").mkdir()
    for number in range(COUNT):
        PIL.Image.fromarray(drawn(number)).save(tmp_path / "images" / f"{number}.png")
    np.save(tmp_path / "vectors.npy", vectors)
    lines = ["path", *(f"images/{number}.png" for number in range(COUNT))]
    (tmp_path / "vectors.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "own.db")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def answer(result: Result) -> Any:
    assert result.exception is None, (result.output, result.exception)
    return json.loads(result.stdout)


def imported(ask: Ask, *words: object) -> Any:
    return answer(ask("import", "vectors.npy", "--encoder", "external:my-model", "--json", *words))


def names(found: Any) -> list[str]:
    return [Path(hit["path"]).name for hit in found["hits"]]


def test_a_recipe_names_the_model_and_makes_it_again() -> None:
    encoder = make_encoder("external:my model: v2", {"dim": 3, "measure": "l2"})
    assert encoder == External("my model: v2", 3, "l2")
    recipe = recipe_of(encoder)
    assert (recipe.encoder, recipe.dim, recipe.measure) == ("external", 3, "l2")
    assert encoder_from(from_json(to_json(recipe))) == encoder


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("external", {"dim": 3}, "write external:NAME"),
        ("external: ", {"dim": 3}, "a name of your own"),
        ("external:" + "m" * 201, {"dim": 3}, "at most 200 characters"),
        ("external:m", {}, "-o dim=NUMBER"),
        ("external:m", {"dim": 0}, "from 1 to 65536"),
        ("external:m", {"dim": "3"}, "a whole number"),
        ("external:m", {"dim": True}, "a whole number"),
        ("external:m", {"dim": 3, "measure": "near"}, "cosine, l2, dot, hamming"),
        ("external:m", {"dim": 3, "size": 3}, "the options dim and measure"),
    ],
)
def test_a_name_or_an_option_that_cannot_be(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        make_encoder(name, options)


def test_its_vectors_are_imported_and_searched_by_vectors(ask: Ask, vectors: Features) -> None:
    assert imported(ask)["added"] == COUNT
    about = answer(ask("info", "--json"))
    assert (about["encoder"], about["options"]["model"], about["dim"]) == (
        "external",
        "my-model",
        DIM,
    )
    np.save("query.npy", vectors[3] * 2)
    found = answer(ask("search", "--vector", "query.npy", "-k", 2, "--json"))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[3]))
    assert names(found) == [f"{order[0]}.png", f"{order[1]}.png"]
    assert found["hits"][0]["score"] == pytest.approx(1)
    assert found["hits"][1]["score"] == pytest.approx(unit[order[1]] @ unit[3], abs=1e-6)
    by_id = answer(ask("search", found["hits"][0]["id"], "-k", 2, "--json"))
    assert names(by_id) == names(found)
    assert names(answer(ask("search", "--vector", "query.npy", "-k", 9, "--json"))) != []
    assert "nearest to query.npy by external" in ask("search", "--vector", "query.npy").stdout


def test_bits_are_told_by_their_type(ask: Ask) -> None:
    bits = np.random.default_rng(1).integers(0, 256, (COUNT, 8), np.uint8)
    np.save("vectors.npy", bits)
    assert imported(ask)["added"] == COUNT
    about = answer(ask("info", "--json"))
    assert (about["measure"], about["dim"]) == ("hamming", 8)
    np.save("query.npy", bits[2])
    assert names(answer(ask("search", "--vector", "query.npy", "-k", 1, "--json"))) == ["2.png"]
    with (
        Finder.open("own.db") as own,
        pytest.raises(ValueError, match="are float32, instead of uint8"),
    ):
        own.search(vectors=bits[2].astype(np.float32))


def test_the_measure_can_be_said(ask: Ask) -> None:
    imported(ask, "-o", "measure=l2")
    assert answer(ask("info", "--json"))["measure"] == "l2"


def test_an_image_cannot_be_searched_or_added(ask: Ask, tmp_path: Path) -> None:
    imported(ask)
    PIL.Image.fromarray(drawn(99)).save(tmp_path / "new.png")
    for words in (("search", "new.png"), ("add", "new.png"), ("embed", "new.png", *OWN)):
        error = ask(*words).exception
        assert isinstance(error, PluginError)
        assert "'my-model', a model that is not here" in str(error)
    assert answer(ask("info", "--json"))["images"] == COUNT


def test_what_is_known_can_be_synced_and_compared(ask: Ask, tmp_path: Path) -> None:
    imported(ask)
    (tmp_path / "images" / "5.png").unlink()
    shutil.copy(tmp_path / "images" / "0.png", tmp_path / "images" / "again.png")
    report = answer(ask("sync", "images", "--json"))
    assert (report["removed"], report["failed"]) == (1, [])
    (group,) = answer(ask("duplicates", "--json"))["groups"]
    assert [Path(path).name for path in group["best"]["paths"]] == ["0.png", "again.png"]


def test_it_goes_over_to_an_encoder(ask: Ask) -> None:
    imported(ask)
    assert ask("upgrade", "--encoder", "classic").exit_code == 0
    assert answer(ask("info", "--json"))["encoder"] == "classic"
    assert names(answer(ask("search", "images/4.png", "-k", 1, "--json"))) == ["4.png"]


def test_its_vectors_are_never_mixed_with_others(ask: Ask) -> None:
    imported(ask)
    for words in (
        ("import", "vectors.npy", "--encoder", "external:another"),
        ("import", "vectors.npy", "--encoder", "classic"),
    ):
        assert isinstance(ask(*words).exception, RecipeMismatch)
    Finder.create("classic.db", "classic").close()
    to_it = ask("import", "vectors.npy", "--encoder", "external:my-model", "--db", "classic.db")
    assert isinstance(to_it.exception, RecipeMismatch)
    assert ask("export", "theirs.npy", "--db", "classic.db").exit_code == 0
    assert isinstance(ask("import", "theirs.npy").exception, RecipeMismatch)


@pytest.mark.parametrize("name", ["out.npy", "out.parquet", "out"])
def test_what_is_exported_names_it(ask: Ask, name: str, vectors: Features) -> None:
    imported(ask)
    assert ask("export", name).exit_code == 0
    assert answer(ask("import", name, "--db", "new.db", "--json"))["added"] == COUNT
    with Finder.open("new.db") as new, Finder.open("own.db") as own:
        assert new.recipe == own.recipe
        assert new.search(vectors=vectors[1], k=1)[0].path == own.search(vectors=vectors[1])[0].path
    # and each form tells the length of its vectors by itself
    words = ("import", name, "--encoder", "external:my-model", "--db", "third.db", "--json")
    assert answer(ask(*words))["added"] == COUNT


def test_files_that_name_no_encoder_say_what_to_do(ask: Ask) -> None:
    assert "--encoder external:NAME" in ask("import", "vectors.npy").output.replace("\n", " ")


def test_vectors_of_another_type_or_shape_are_refused(ask: Ask) -> None:
    for wrong in (np.zeros((COUNT, 3)), np.zeros(COUNT, np.float32), np.zeros((0, 0), np.float32)):
        np.save("vectors.npy", wrong)
        error = ask("import", "vectors.npy", "--encoder", "external:m").exception
        assert isinstance(error, ExchangeError)
        assert "expected (n, dim) in float32" in str(error)
    assert not Path("own.db").exists()


def test_nothing_is_encoded_by_it() -> None:
    with pytest.raises(PluginError, match="'m', a model that is not here"):
        External("m", 3).encode([drawn(0)])
    with pytest.raises(ModelError, match="import"):
        make_encoder("external:m")
