"""A small fine-tuning run: 48 drawn images of four classes, 32 pixels a side."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from imagefinder.training import ProgressEvent, Settings, TrainingResult, train, trainer
from imagefinder.training.models.encoder import Network
from imagefinder.training.models.mobilenet import Convolution, InvertedResidual
from imagefinder.types import Image

CLASSES, EACH = 4, 12
DIM = 32
BAD = {"empty.jpg", "broken.png", "loose.png"}
"""Files that cannot be used."""
Draw = Callable[..., Image]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Steps as small as these are slower on several threads, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # of programs that the tests run
        yield
    torch.set_num_threads(before)


def tiny_network(size: int | None = None) -> Network:
    """Three blocks of random weights, for 32 dimensions."""
    torch.manual_seed(0)
    blocks = [
        Convolution(3, 8, 3, 2),
        InvertedResidual(8, 16, 4, 2),
        InvertedResidual(16, 16, 4, 1),
    ]
    for layer in torch.nn.ModuleList(blocks).modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    half = (0.5, 0.5, 0.5)
    embed = torch.nn.Linear(16, DIM)
    return Network(
        blocks, embed, dim=DIM, size=size or 32, normalization=(half, half), frozen=1, batch=16
    )


@pytest.fixture(scope="session", autouse=True)
def tiny_base() -> Iterator[None]:
    """A base model ``tiny``, so that a run takes a second."""

    def base_network(settings: Settings) -> Network:
        return tiny_network(settings.size) if settings.base == "tiny" else others(settings)

    others = trainer.base_network
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "base_network", base_network)
        yield


def small(**changed: object) -> Settings:
    """Settings for a run of a second or two."""
    usual = {"base": "tiny", "rate": 0.01, "size": 32, "epochs": 3, "batch": 16, "held_out": 0.2}
    return Settings(**{**usual, **changed})  # type: ignore[arg-type]


def draw_classes(folder: Path, draw: Draw) -> Path:
    """A folder for each class: noisy crops of one image, more or less bright."""
    rng = np.random.default_rng(0)
    for number in range(CLASSES):
        (folder / f"class{number}").mkdir(parents=True)
        whole = draw(number, 90, 80)
        for image in range(EACH):
            top, left = rng.integers(0, 12, 2)
            crop = whole[top : top + 60, left : left + 70]
            lit = crop * rng.uniform(0.8, 1.2)
            noisy = np.clip(lit + rng.normal(0, 12, crop.shape), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(noisy).save(folder / f"class{number}" / f"{image:02}.png")
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    """A folder that no test may alter."""
    return draw_classes(tmp_path_factory.mktemp("fine-tuning") / "images", draw)


@pytest.fixture(scope="session")
def bad_images(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Path:
    """The same images, and some that cannot be used; no test may alter them."""
    folder = Path(shutil.copytree(images, tmp_path_factory.mktemp("bad") / "images"))
    (folder / "class0" / "empty.jpg").touch()
    (folder / "class1" / "broken.png").write_bytes(b"no image")
    os.link(folder / "class0" / "00.png", folder / "loose.png")  # in no class
    return folder


@pytest.fixture(scope="session")
def events() -> list[ProgressEvent]:
    """The progress of ``trained``."""
    return []


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, bad_images: Path, events: list[ProgressEvent]
) -> TrainingResult:
    """Trained on labels, and on ``bad_images``; no test may alter it."""
    out = tmp_path_factory.mktemp("trained") / "mine"
    return train(bad_images, out, small(), progress=events.append)
