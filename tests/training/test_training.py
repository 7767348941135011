"""Training as a whole: it learns, it can be killed, and what it leaves is an encoder."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from imagefinder import Finder, make_encoder
from imagefinder.encoders.trained import Trained
from imagefinder.errors import ModelError, TrainingError
from imagefinder.images.decode import decode
from imagefinder.images.files import find_images
from imagefinder.similarity import unit
from imagefinder.testing.contracts import check_encoder
from imagefinder.training import OBJECTIVES, Moment, Outcome, train
from imagefinder.training.models.compact import bundled

from .conftest import EACH, KINDS, small


class Killed(Exception):
    pass


def weights(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = load_file(folder / "weights.safetensors")
    return found


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_held_out_images_see_that_it_learns(objective: str, images: Path, tmp_path: Path) -> None:
    settings = small(objective=objective, rate=1e-4, epochs=6, patience=6)
    outcome = train(images, tmp_path / "mine", settings)
    assert outcome.images == KINDS * EACH
    assert outcome.held_out == 8
    assert outcome.best_epoch > 0, outcome.judged
    assert set(outcome.before) == set(outcome.after) == {"mAP", "R@1", "copies"}
    report = (tmp_path / "mine" / "report.html").read_text()
    assert ("what was rebuilt" in report) == (objective == "autoencoder")
    assert not any((tmp_path / "mine").rglob("*.p*kl*")), "no pickles"
    check_encoder(make_encoder(str(tmp_path / "mine")))


@pytest.mark.parametrize("doing", ["looking", "training", "adding"])
def test_a_killed_training_ends_with_the_same_weights(
    doing: str, trained: Outcome, images: Path, tmp_path: Path
) -> None:
    """Killed at its third step and at its sixth, and while it reads or adds images."""
    moments = [3, 6] if doing == "training" else [20]
    for moment in moments:

        def die(now: Moment, moment: int = moment) -> None:
            if now.doing == doing and now.done == moment:
                raise Killed

        with pytest.raises(Killed):
            train(images, tmp_path / "mine", small(), progress=die)
    outcome = train(images, tmp_path / "mine", small())
    expected = weights(trained.folder)
    given = weights(tmp_path / "mine")
    assert expected.keys() == given.keys()
    for name, value in expected.items():
        assert np.array_equal(given[name], value), name
    for name in ("losses", "judged", "best_epoch", "before", "after"):
        assert getattr(outcome, name) == getattr(trained, name), name


@torch.no_grad()
def in_full_precision(weights: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """What torch makes of images with these weights, in 64 bits."""
    network = bundled(32, -1)
    if "project.weight" in weights:
        dim, before = weights["project.weight"].shape
        network.project = torch.nn.Linear(before, dim)
    network.load_state_dict({name: torch.from_numpy(one) for name, one in weights.items()})
    maps = network.double().fed(torch.from_numpy(pixels).permute(0, 3, 1, 2)).double()
    for part in network.parts:
        maps = part(maps)
    rows = unit(network.embed(maps.mean((2, 3))).numpy())
    if network.project is None:
        return rows
    return unit(network.project(torch.from_numpy(rows).double()).numpy())


@pytest.mark.parametrize("dim", [0, 6])
def test_the_graph_gives_what_torch_gives(
    dim: int, trained: Outcome, images: Path, tmp_path: Path
) -> None:
    folder = trained.folder
    if dim:
        folder = tmp_path / "mine"
        train(images, folder, small(dim=dim, epochs=1))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    expected = in_full_precision(weights(folder), pixels)
    for runtime in ("openvino", "onnxruntime"):
        encoder = make_encoder(f"trained:{folder}", {"runtime": runtime, "precision": "f32"})
        given = np.concatenate(encoder.encode(list(pixels)))
        assert encoder.dim == (dim or 320)
        assert (given * expected).sum(axis=1).min() >= 0.9999


def test_weights_end_halfway_between_the_bases_and_those_learnt(
    trained: Outcome, images: Path, tmp_path: Path
) -> None:
    train(images, tmp_path / "mine", small(blend=1.0))
    learnt, halfway = weights(tmp_path / "mine"), weights(trained.folder)
    assert trained.settings.blend == 0.5
    base = {name: one.numpy() for name, one in bundled(32, -1).state_dict().items()}
    moved = max(float(np.abs(learnt[name] - base[name]).max()) for name in base)
    for name, weight in base.items():
        np.testing.assert_allclose(halfway[name], (weight + learnt[name]) / 2, atol=1e-3 * moved)


def test_the_folder_tells_all_of_it(trained: Outcome) -> None:
    told = json.loads((trained.folder / "encoder.json").read_text())
    assert set(told["files"]) == {
        "encoder.onnx",
        "weights.safetensors",
        "pca.safetensors",
        "kmeans.safetensors",
    }
    for name, digest in told["files"].items():
        assert hashlib.sha256((trained.folder / name).read_bytes()).hexdigest() == digest
    assert told["settings"]["objective"] == "labels"
    assert told["before"] == trained.before
    assert told["after"] == trained.after
    assert not (trained.folder / "training").exists()
    assert json.loads((trained.folder / "report.json").read_text())["losses"]
    components = load_file(trained.folder / "pca.safetensors")["components"]
    centres = load_file(trained.folder / "kmeans.safetensors")["centres"]
    assert centres.shape == (round((KINDS * EACH) ** 0.5), len(components))


def test_its_catalogue_opens_anywhere_and_finds_by_clusters(
    trained: Outcome, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = next(find_images(images))
    with Finder.open(trained.folder / "catalogue.db") as finder:
        assert finder.store.index.kind == "kmeans"
        assert len(finder) == KINDS * EACH
        (hit,) = finder.search(asked, 1)
        assert hit.path == str(asked)
        assert hit.score == pytest.approx(1, abs=1e-5)
        (row,) = finder.encoder.encode([decode(asked, finder.encoder.resize).pixels])
        assert np.allclose(finder.store.features(hit.record.key), row, atol=1e-5)


def test_a_folder_is_an_encoder_by_its_bare_name(
    trained: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.folder.parent)
    encoder = make_encoder("mine")
    assert encoder == make_encoder(f"trained:{trained.folder}")
    assert isinstance(encoder, Trained)
    assert Path(encoder.path).is_absolute()
    with pytest.raises(ModelError, match="no option colour"):
        make_encoder("mine", {"colour": "red"})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"encoder.json": None}, "encoder.json cannot be read"),
        ({"encoder.json": b"{"}, "encoder.json is damaged"),
        ({"encoder.json": b'{"mean": [1, 2]}'}, "encoder.json is damaged"),
        ({"encoder.onnx": None}, r"encoder.onnx cannot be read .*trained:FOLDER"),
        ({"encoder.onnx": b"other"}, "encoder.onnx is not the encoder that was trained"),
    ],
)
def test_a_damaged_folder_is_said(
    damage: dict[str, bytes | None], says: str, trained: Outcome, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "mine"))
    before = make_encoder(str(folder))
    for name, content in damage.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=says):
        make_encoder(f"trained:{folder}")
    if "encoder.onnx" in damage:  # a recipe that a catalogue keeps needs nothing else
        with pytest.raises(ModelError, match=says):
            before.encode([np.zeros((32, 32, 3), np.uint8)])


def test_bad_images_are_named_and_stop_nothing(images: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(images, tmp_path / "images"))
    (mine / "kind0" / "empty.jpg").touch()
    (mine / "kind1" / "04.png").write_bytes(b"no image")
    (mine / "loose.png").write_bytes((mine / "kind0" / "00.png").read_bytes())
    outcome = train(mine, tmp_path / "mine", small(epochs=1))
    assert {Path(failure.path).name for failure in outcome.failed} == {
        "empty.jpg",
        "04.png",
        "loose.png",
    }
    assert outcome.images == KINDS * EACH - 1
    with Finder.open(tmp_path / "mine" / "catalogue.db") as finder:
        assert len(finder) == outcome.images


def test_a_dim_that_cannot_be_is_refused_before_anything_is_trained(
    images: Path, tmp_path: Path
) -> None:
    told: list[Moment] = []
    with pytest.raises(TrainingError, match="can be reduced to at most 39, not to 64"):
        train(images, tmp_path / "mine", small(dim=64), progress=told.append)
    assert {moment.doing for moment in told} == {"looking"}


def test_progress_says_how_far_it_is(trained: Outcome, images: Path, tmp_path: Path) -> None:
    told: list[Moment] = []
    train(images, tmp_path / "mine", small(epochs=1), progress=told.append)
    assert [moment.doing for moment in told if moment.done == moment.total] == [
        "looking",
        "training",
        "adding",
    ]
    steps = [moment for moment in told if moment.doing == "training"]
    assert all(moment.loss is not None and moment.judged is not None for moment in steps)
