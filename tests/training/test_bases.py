"""What training begins with gives what it gives when it is searched with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from imagefinder.encoders.compact import Compact
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import ModelFile
from imagefinder.training.models import resnet as resnets
from imagefinder.training.models.compact import bundled
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.resnet import resnet

from ..encoders.hub import graphs


def rows_of(network: Network, pixels: np.ndarray) -> np.ndarray:
    network.precise = True
    with torch.no_grad():
        given: np.ndarray = network(network.fed(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
    return np.asarray(given)


def test_the_packages_own_encoder_comes_back_from_its_graph() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 208, 208, 3), np.uint8)
    expected = np.concatenate(Compact(precision="f32").encode(list(pixels)))
    given = rows_of(bundled(0, -1), pixels)
    assert (given * expected).sum(axis=1).min() > 0.99999


def test_it_learns_in_all_but_its_first_parts() -> None:
    network = bundled(32, 5)
    learning = network.learning()
    assert not any(one.requires_grad for one in network.parts[:5].parameters())
    assert all(one.requires_grad for one in learning)
    assert sum(one.numel() for one in learning) > 2_000_000
    pixels = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    torch.autograd.backward(network.rows(network.fed(pixels)).square().sum())
    assert all(one.grad is not None for one in learning)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for any repository; tests/hub goes the whole way."""

    def download(source: ModelFile) -> Path:
        return tmp_path / source.file

    monkeypatch.setattr(resnets, "download", download)
    return tmp_path


def publish(folder: Path, model: Any) -> None:
    (folder / "config.json").write_text(model.config.to_json_string())
    save_file(model.state_dict(), folder / "model.safetensors")


def test_a_resnet_gives_what_transformers_gives(published: Path) -> None:
    model = graphs.resnet18()
    publish(published, model)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    mean, std = np.array(resnets.MEAN), np.array(resnets.STD)
    fed = torch.from_numpy((pixels / 255 - mean) / std).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        expected = model.resnet(fed).pooler_output.flatten(1)
    expected = torch.nn.functional.normalize(expected, dim=1).numpy()
    given = rows_of(resnet("microsoft/resnet-18", 0, -1), pixels)
    assert given.shape == (2, 512)
    assert (given * expected).sum(axis=1).min() > 0.99999


def test_what_is_no_resnet_is_said(published: Path) -> None:
    publish(published, graphs.resnet18())
    (published / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelError, match="we/half is no ResNet that can be trained"):
        resnet("we/half", 0, -1)
    publish(published, graphs.resnet18())
    (published / "config.json").write_text('{"model_type": "beit"}')
    with pytest.raises(ModelError, match="we/beit is no ResNet that can be trained: it is a beit"):
        resnet("we/beit", 0, -1)
