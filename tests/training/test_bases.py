"""Base models: in training they give the same embeddings as in search."""

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
from imagefinder.training.models.compact import compact_network
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.resnet import resnet_network

from ..encoders.hub import graphs


def rows_of(network: Network, pixels: np.ndarray) -> np.ndarray:
    network.full_precision = True
    with torch.no_grad():
        given: np.ndarray = network(
            network.preprocess(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        )
    return np.asarray(given)


def test_compact_is_loaded_from_its_graph() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 208, 208, 3), np.uint8)
    expected = np.concatenate(Compact(precision="f32").encode(list(pixels)))
    given = rows_of(compact_network(), pixels)
    assert (given * expected).sum(axis=1).min() > 0.99999


def test_all_but_the_first_blocks_are_trainable() -> None:
    network = compact_network(32, frozen=5)
    trainable = network.unfreeze()
    assert not any(one.requires_grad for one in network.blocks[:5].parameters())
    assert all(one.requires_grad for one in trainable)
    assert sum(one.numel() for one in trainable) > 2_000_000
    pixels = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    torch.autograd.backward(network.embeddings(network.preprocess(pixels)).square().sum())
    assert all(one.grad is not None for one in trainable)


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
    given = rows_of(resnet_network("microsoft/resnet-18"), pixels)
    assert given.shape == (2, 512)
    assert (given * expected).sum(axis=1).min() > 0.99999


def test_other_models_are_refused(published: Path) -> None:
    publish(published, graphs.resnet18())
    (published / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelError, match="we/half is not a ResNet that can be fine-tuned"):
        resnet_network("we/half")
    publish(published, graphs.resnet18())
    (published / "config.json").write_text('{"model_type": "beit"}')
    with pytest.raises(
        ModelError, match="we/beit is not a ResNet that can be fine-tuned: its model type is beit"
    ):
        resnet_network("we/beit")
