"""A base from the hub is trained by the same command as the package's own."""

import json
from pathlib import Path

import pytest
from safetensors.torch import save

from ..conftest import Draw
from ..e2e.program import Run, answer, refusal
from ..encoders.hub import graphs
from ..encoders.hub.stand_in import Hub
from .conftest import draw_kinds

FAST = ("--size", "64", "--epochs", "1", "--batch", "20", "--held-out", "0.2")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    return draw_kinds(tmp_path_factory.mktemp("images") / "images", draw)


def test_a_resnet_of_the_hub_is_trained_by_the_same_command(
    run: Run, served: Hub, images: Path, tmp_path: Path
) -> None:
    model = graphs.resnet50()
    repository = "microsoft/resnet-50"
    words = ("train", images, "--out", "mine", "--base", "resnet50", *FAST, "--json")
    env = {"OMP_NUM_THREADS": "1"}
    assert "does not exist" in refusal(run(*words, env=env))
    served.files[repository, "config.json"] = model.config.to_json_string().encode()
    served.files[repository, "model.safetensors"] = save(model.state_dict())
    outcome = answer(run(*words, env=env))
    assert outcome["epochs"] == 1
    told = json.loads((tmp_path / "mine" / "encoder.json").read_text())
    assert told["dim"] == 2048
    assert told["mean"] == [0.485, 0.456, 0.406]
    image = next(images.rglob("*.png"))
    own = ("--db", "mine/catalogue.db", "search", image, "-k", 1, "--json")
    (hit,) = answer(run(*own))["hits"]
    assert hit["path"] == str(image)
