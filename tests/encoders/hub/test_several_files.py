"""Models of several files, a graph and its weights beside it, and licenses that are not free."""

from pathlib import Path

import numpy as np
import onnx
import PIL.Image
import pytest

from imagefinder.encoders.model_store import find_model, is_present, locate
from imagefinder.errors import ModelError
from imagefinder.registry.factory import make_encoder
from imagefinder.types import Features

from ...conftest import drawn
from ...e2e.program import Run, answer
from .stand_in import Hub
from .test_faults import graph

REPOSITORY, FILE, WEIGHTS = "they/parted", "onnx/model.onnx", "model.onnx_data"
TERMS = "for research only: https://example.com/license"
ROW = (
    f'[parted]\nrepository = "{REPOSITORY}"\nfile = "{FILE}"\ndim = 64\nsize = 32\n'
    f'license = "Ours"\nterms = "{TERMS}"\n'
)


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    """A graph whose weights are in a file beside it."""
    folder = tmp_path / "parted"
    folder.mkdir()
    onnx.save(
        onnx.load_from_string(graph(3)),
        folder / "model.onnx",
        save_as_external_data=True,
        location=WEIGHTS,
        size_threshold=0,
    )
    return folder / "model.onnx"


@pytest.fixture(autouse=True)
def row(library: Path, served: Hub, parted: Path) -> None:
    (library / "models.toml").write_text(ROW)
    served.files[REPOSITORY, FILE] = parted.read_bytes()
    served.files[REPOSITORY, f"onnx/{WEIGHTS}"] = (parted.parent / WEIGHTS).read_bytes()


def rows() -> Features:
    (features,) = make_encoder("parted").encode([drawn(1, 32, 32)])
    return features


def test_a_graph_and_its_weights_are_pulled_verified_and_pulled_again(
    run: Run, parted: Path
) -> None:
    pulled = run("models", "pull", "parted")
    assert pulled.returncode == 0, pulled.stderr
    said = pulled.stdout.decode()
    assert said.index(f"Ours, {TERMS}") < said.index("parted is installed")
    (expected,) = make_encoder(f"onnx:{parted}").encode([drawn(1, 32, 32)])
    assert np.array_equal(rows(), expected)
    weights = (locate(find_model("parted")).path.parent / WEIGHTS).resolve()
    content = weights.read_bytes()
    for damaged in (None, content[:-1]):
        weights.unlink()
        if damaged is not None:
            weights.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"models pull parted|cannot be read"):
            locate(find_model("parted"))
        assert run("models", "pull", "parted").returncode == 0
        assert np.array_equal(rows(), expected)


def test_weights_that_the_hub_lacks_are_named_and_nothing_is_installed(
    run: Run, served: Hub
) -> None:
    del served.files[REPOSITORY, f"onnx/{WEIGHTS}"]
    failed = run("models", "pull", "parted")
    assert failed.returncode == 1
    assert failed.stdout.decode() == f"parted: Ours, {TERMS}\n"
    assert WEIGHTS in failed.stderr.decode()
    assert "has no such file" in failed.stderr.decode()
    assert not is_present(find_model("parted"))


def test_both_are_added_by_hand(run: Run, parted: Path) -> None:
    (expected,) = make_encoder(f"onnx:{parted}").encode([drawn(1, 32, 32)])
    assert run("models", "add", "parted", parted).returncode == 0
    for file in (parted, parted.parent / WEIGHTS):
        file.unlink()
    assert np.array_equal(rows(), expected)


def test_a_license_that_is_not_free_is_told_of_the_list_and_the_catalogue(
    run: Run, parted: Path, tmp_path: Path
) -> None:
    assert run("models", "add", "parted", parted).returncode == 0
    assert f"parted: Ours, {TERMS}" in run("models").stdout.decode()
    PIL.Image.fromarray(drawn(2, 40, 40)).save(tmp_path / "one.png")
    run("--db", "own.db", "add", tmp_path / "one.png", "--encoder", "parted")
    assert answer(run("--db", "own.db", "info", "--json"))["license"] == f"Ours, {TERMS}"


def test_our_rows_say_which_licenses_are_not_free() -> None:
    for name in ("dinov3", "mobileclip2"):
        assert "https://" in find_model(name).terms
    assert not find_model("dinov2_int8").terms
