"""A base from the hub is trained by the same command as the package's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save

from ..conftest import Draw
from ..e2e.program import Run, answer, refusal
from ..finetuning.conftest import draw_kinds
from . import graphs
from .stand_in import Hub

FAST = ("--size", "64", "--epochs", "1", "--batch", "20", "--held-out", "0.2")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    return draw_kinds(tmp_path_factory.mktemp("pictures") / "pictures", draw)


def serve(served: Hub, repository: str, model: Any) -> None:
    """As transformers publishes it."""
    served.files[repository, "config.json"] = model.config.to_json_string().encode()
    served.files[repository, "model.safetensors"] = save(model.state_dict())


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_resnet_of_the_hub_is_trained(
    name: str, run: Run, served: Hub, pictures: Path, tmp_path: Path
) -> None:
    serve(served, f"microsoft/{name.replace('t', 't-')}", getattr(graphs, name)())
    words = ("train", pictures, "--out", "mine", "--base", name, *FAST, "--json")
    outcome = answer(run(*words, env={"OMP_NUM_THREADS": "1"}))
    assert outcome["epochs"] == 1
    told = json.loads((tmp_path / "mine" / "encoder.json").read_text())
    assert told["dim"] == {"resnet18": 512, "resnet50": 2048}[name]
    assert told["mean"] == [0.485, 0.456, 0.406]
    picture = next(pictures.rglob("*.png"))
    own = ("--db", "mine/catalogue.db", "search", picture, "-k", 1, "--json")
    (hit,) = answer(run(*own))["hits"]
    assert hit["path"] == str(picture)


def test_what_is_no_resnet_is_said(run: Run, served: Hub, pictures: Path) -> None:
    serve(served, "we/beit", graphs.beit())
    said = refusal(run("train", pictures, "--out", "a", "--base", "we/beit", *FAST))
    assert "we/beit is no ResNet that can be trained" in said
    served.files["we/half", "config.json"] = served.files["we/beit", "config.json"]
    served.files["we/half", "model.safetensors"] = b"half"
    assert "we/half is no ResNet" in refusal(
        run("train", pictures, "--out", "b", "--base", "we/half", *FAST)
    )
    assert "no such repository" in refusal(
        run("train", pictures, "--out", "c", "--base", "we/none", *FAST)
    )
