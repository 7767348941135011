"""A small distillation: 64 drawn images, and teachers with random weights."""

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import PIL.Image
import pytest
import torch
from distillation.config import read_config
from distillation.export import export
from distillation.stages import Stages

from imagefinder.training.models.mobilenet import MobileNetV2
from imagefinder.types import Image

SIDE = 32
TEACHERS = ("0.onnx", "1.onnx")
CONFIG = """
seed = 0
size = 32
width = 0.25
sources = [{{ name = "made", pattern = "*.png", weight = 1 }}]
[[teachers]]
file = "0.onnx"
sha256 = "{sums[0]}"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
[[teachers]]
file = "1.onnx"
sha256 = "{sums[1]}"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
weight = 2.0
[blocks]
views = {{ seed = 1, size = 32, count = 64, mosaics = 0.2, augmentations = {{ flip = 0.3 }} }}
[[blocks.groups]]
blocks = 7
views = 32
epochs = 2
batch = 8
[[blocks.groups]]
blocks = 12
views = 64
epochs = 2
batch = 8
[feature_maps]
depths = [13, 18]
batch = 8
views = {{ seed = 2, size = 32, mosaics = 0.2, augmentations = {{ rotate90 = 0.3 }} }}
schedule = {{ steps = {steps}, rate = 0.006, every = 10 }}
[embedding]
dim = 8
whitening = 0.5
views = {{ seed = 3, size = 32, count = 64, mosaics = 0.0, augmentations = {{}} }}
[[embedding.rounds]]
size = 32
seed = 4
batch = 8
augmentations = {{ crop = 0.3, flip = 0.5, pad = 0.2 }}
schedule = {{ steps = {steps}, rate = 0.02, every = 10, frozen = 2 }}
"""
Draw = Callable[..., Image]
MakeStages = Callable[..., Stages]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    """A folder with one source, "made"."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "made").mkdir()
    for seed in range(64):
        PIL.Image.fromarray(draw(seed, 60, 45)).save(folder / "made" / f"{seed:02}.png")
    return folder


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two teachers of the student's architecture."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed in range(2):
        torch.manual_seed(seed)
        export(lively(MobileNetV2(dim=16, width=0.25)), SIDE, folder / f"{seed}.onnx")
    return folder


@pytest.fixture(scope="session")
def make_stages(images: Path, teachers: Path) -> MakeStages:
    """Stages with so many steps; their configuration is in the folder ``work``, too."""

    def make(work: Path, steps: int = 4) -> Stages:
        file = work / "config.toml"
        sums = [hashlib.sha256((teachers / name).read_bytes()).hexdigest() for name in TEACHERS]
        file.write_text(CONFIG.format(steps=steps, sums=sums))
        return Stages(read_config(file), images, teachers, work, report=lambda metrics: None)

    return make


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Steps as small as these are slower on several threads, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def lively(student: MobileNetV2) -> MobileNetV2:
    """With weights that preserve the variance up to the last layer, as trained ones do."""
    with torch.no_grad():
        for layer in student.modules():
            if isinstance(layer, torch.nn.Conv2d):
                fan_in = layer.weight[0].numel()
                torch.nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_in))
    return student
