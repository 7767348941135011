"""Fine-tuning as a whole: it learns, it can be resumed, and its result is an encoder."""

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
from imagefinder.images.walk import find_images
from imagefinder.similarity import unit
from imagefinder.testing.contracts import check_encoder
from imagefinder.training import OBJECTIVES, ProgressEvent, TrainingResult, train

from .conftest import BAD, CLASSES, DIM, EACH, small, tiny_network


class Killed(Exception):
    pass


def weights(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = load_file(folder / "weights.safetensors")
    return found


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_validation_improves(objective: str, images: Path, tmp_path: Path) -> None:
    settings = small(objective=objective)
    result = train(images, tmp_path / "mine", settings)
    assert result.images == CLASSES * EACH
    assert result.held_out == 8
    assert result.best_epoch > 0, result.validation
    assert set(result.before) == set(result.after) == {"mAP", "R@1", "copies"}
    report = (tmp_path / "mine" / "report.html").read_text()
    assert ("reconstructions" in report) == (objective == "autoencoder")
    assert not any((tmp_path / "mine").rglob("*.p*kl*")), "no pickles"
    check_encoder(make_encoder(str(tmp_path / "mine")))


def test_an_interrupted_run_ends_with_the_same_weights(
    trained: TrainingResult, bad_images: Path, tmp_path: Path
) -> None:
    """Killed while it decodes, in the middle of an epoch, at its end, and while it adds images."""
    for phase, done in (("decoding", 20), ("training", 1), ("training", 4), ("adding", 20)):

        def die(event: ProgressEvent, phase: str = phase, done: int = done) -> None:
            if event.phase == phase and event.done == done:
                raise Killed

        with pytest.raises(Killed):
            train(bad_images, tmp_path / "mine", small(), progress=die)
    result = train(bad_images, tmp_path / "mine", small())
    expected = weights(trained.folder)
    actual = weights(tmp_path / "mine")
    assert expected.keys() == actual.keys()
    for name, value in expected.items():
        assert np.array_equal(actual[name], value), name
    for name in ("losses", "validation", "best_epoch", "before", "after", "failed"):
        assert getattr(result, name) == getattr(trained, name), name


@torch.no_grad()
def in_full_precision(weights: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """What torch computes with these weights, in 64 bits."""
    network = tiny_network()
    if "project.weight" in weights:
        dim, before = weights["project.weight"].shape
        network.project = torch.nn.Linear(before, dim)
    network.load_state_dict({name: torch.from_numpy(one) for name, one in weights.items()})
    maps = network.double().preprocess(torch.from_numpy(pixels).permute(0, 3, 1, 2)).double()
    for block in network.blocks:
        maps = block(maps)
    rows = unit(network.embed(maps.mean((2, 3))).numpy())
    if network.project is None:
        return rows
    return unit(network.project(torch.from_numpy(rows).double()).numpy())


@pytest.fixture(scope="module")
def projected(images: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """With a PCA projection, and without weight interpolation."""
    return train(images, tmp_path_factory.mktemp("projected") / "mine", small(dim=6, blend=1.0))


@pytest.mark.parametrize("dim", [DIM, 6])
def test_the_graph_agrees_with_torch(
    dim: int, trained: TrainingResult, projected: TrainingResult
) -> None:
    folder = (trained if dim == DIM else projected).folder
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    expected = in_full_precision(weights(folder), pixels)
    for runtime in ("openvino", "onnxruntime"):
        encoder = make_encoder(f"trained:{folder}", {"runtime": runtime, "precision": "f32"})
        rows = np.concatenate(encoder.encode(list(pixels)))
        assert encoder.dim == dim
        assert (rows * expected).sum(axis=1).min() >= 0.9999


def test_weights_are_interpolated_halfway_between_the_base_model_and_the_fine_tuned_one(
    trained: TrainingResult, projected: TrainingResult
) -> None:
    fine_tuned, halfway = weights(projected.folder), weights(trained.folder)
    assert trained.settings.blend == 0.5
    base = {name: one.numpy() for name, one in tiny_network().state_dict().items()}
    moved = max(float(np.abs(fine_tuned[name] - base[name]).max()) for name in base)
    assert moved > 0
    for name, weight in base.items():
        expected = (weight + fine_tuned[name]) / 2
        np.testing.assert_allclose(halfway[name], expected, atol=1e-3 * moved)


def test_the_description_is_complete(trained: TrainingResult) -> None:
    about = json.loads((trained.folder / "encoder.json").read_text())
    assert set(about["files"]) == {
        "encoder.onnx",
        "weights.safetensors",
        "pca.safetensors",
        "kmeans.safetensors",
    }
    for name, digest in about["files"].items():
        assert hashlib.sha256((trained.folder / name).read_bytes()).hexdigest() == digest
    assert about["settings"]["objective"] == "labels"
    assert about["before"] == trained.before
    assert about["after"] == trained.after
    assert not (trained.folder / "training").exists()
    assert json.loads((trained.folder / "report.json").read_text())["losses"]
    components = load_file(trained.folder / "pca.safetensors")["components"]
    centres = load_file(trained.folder / "kmeans.safetensors")["centres"]
    assert centres.shape == (round((CLASSES * EACH) ** 0.5), len(components))


def test_its_catalogue_opens_anywhere_and_finds_by_clusters(
    trained: TrainingResult, bad_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    query = next(find_images(bad_images / "class0"))
    with Finder.open(trained.folder / "catalogue.db") as finder:
        assert finder.store.index.kind == "kmeans"
        assert len(finder) == CLASSES * EACH
        (hit,) = finder.search(query, 1)
        assert hit.path == str(query)
        assert hit.score == pytest.approx(1, abs=1e-5)
        (row,) = finder.encoder.encode([decode(query, finder.encoder.resize).pixels])
        assert np.allclose(finder.store.features(hit.record.key), row, atol=1e-5)


def test_a_folder_is_an_encoder_by_its_bare_name(
    trained: TrainingResult, monkeypatch: pytest.MonkeyPatch
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
        ({"encoder.onnx": None}, r"encoder.onnx cannot be read .*as trained:FOLDER"),
        ({"encoder.onnx": b"other"}, "encoder.onnx has changed: copy the folder again"),
    ],
)
def test_a_damaged_folder_is_refused(
    damage: dict[str, bytes | None], says: str, trained: TrainingResult, tmp_path: Path
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


def test_bad_images_are_reported_and_stop_nothing(trained: TrainingResult) -> None:
    assert {Path(failure.path).name for failure in trained.failed} == BAD
    assert trained.images == CLASSES * EACH
    with Finder.open(trained.folder / "catalogue.db") as finder:
        assert len(finder) == trained.images


def test_too_many_dimensions_are_refused_before_training(images: Path, tmp_path: Path) -> None:
    events: list[ProgressEvent] = []
    with pytest.raises(TrainingError, match="leaves at most 32, not 64"):
        train(images, tmp_path / "mine", small(dim=64), progress=events.append)
    assert {event.phase for event in events} == {"decoding"}


def test_progress_events_count_every_phase(
    trained: TrainingResult, events: list[ProgressEvent]
) -> None:
    assert [event.phase for event in events if event.done == event.total] == [
        "decoding",
        "training",
        "adding",
    ]
    steps = [event for event in events if event.phase == "training"]
    assert all(event.loss is not None and event.validation is not None for event in steps)
