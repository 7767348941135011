"""A base model from the hub is fine-tuned by the same command as the default one."""

import json
from pathlib import Path

from safetensors.torch import save

from imagefinder import Finder

from ..e2e.program import answer, run_in
from ..encoders.hub import graphs
from ..encoders.hub.stand_in import hub

FAST = ("--size", 32, "--epochs", 1, "--batch", 20, "--held-out", "0.2")


def test_a_resnet_of_the_hub_is_fine_tuned_by_the_same_command(
    images: Path, tmp_path: Path
) -> None:
    model = graphs.small_resnet50()
    repository = "microsoft/resnet-50"
    words = ("train", images, "--out", "mine", "--base", "resnet50", *FAST, "--json")
    with hub() as served:
        served.files[repository, "config.json"] = model.config.to_json_string().encode()
        served.files[repository, "model.safetensors"] = save(model.state_dict())
        env = {
            "IMAGEFINDER_HOME": str(tmp_path / "library"),
            "HF_ENDPOINT": served.address,
            "HF_HOME": str(tmp_path / "cache"),
        }
        result = answer(run_in(tmp_path, *words, env=env, timeout=180))
    assert result["epochs"] == 1
    about = json.loads((tmp_path / "mine" / "encoder.json").read_text())
    assert about["dim"] == 128
    assert about["mean"] == [0.485, 0.456, 0.406]
    image = next(images.rglob("*.png"))
    with Finder.open(tmp_path / "mine" / "catalogue.db") as finder:
        (hit,) = finder.search(image, 1)
    assert hit.path == str(image)
