"""A training small enough to be watched: 64 made images, and teachers with random weights."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
import torch
from distillation.config import read_plan
from distillation.export import export
from distillation.stages import Stages

from imagefinder.training.models.mobilenet import Student
from imagefinder.types import Image

SIDE = 32
TEACHERS = ("0.onnx", "1.onnx")
PLAN = """
seed = 0
size = 32
width = 0.25
sources = [{{ name = "made", pattern = "*.png", share = 1 }}]
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
[parts]
views = {{ seed = 1, size = 32, count = 64, mosaics = 0.2, odds = {{ light = 0.3 }} }}
[[parts.groups]]
parts = 7
views = 32
epochs = 2
batch = 8
[[parts.groups]]
parts = 12
views = 64
epochs = 2
batch = 8
[maps]
depths = [13, 18]
batch = 8
views = {{ seed = 2, size = 32, mosaics = 0.2, odds = {{ turn = 0.3 }} }}
course = {{ steps = {steps}, rate = 0.003, every = 20 }}
[embedding]
dim = 8
whitening = 0.5
views = {{ seed = 3, size = 32, count = 64, mosaics = 0.0, odds = {{}} }}
[[embedding.rounds]]
size = 32
seed = 4
batch = 8
odds = {{ window = 0.3, mirror = 0.5, border = 0.2 }}
course = {{ steps = {steps}, rate = 0.003, every = 20, frozen = 2 }}
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
    """A folder with two teachers of the student's own kind."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed in range(2):
        torch.manual_seed(seed)
        export(lively(Student(dim=16, width=0.25)), SIDE, folder / f"{seed}.onnx")
    return folder


@pytest.fixture
def make_stages(images: Path, teachers: Path, tmp_path: Path) -> MakeStages:
    """Stages whose passes have so many steps; their plan lies beside their work."""

    def make(steps: int = 4) -> Stages:
        file = tmp_path / "plan.toml"
        sums = [hashlib.sha256((teachers / name).read_bytes()).hexdigest() for name in TEACHERS]
        file.write_text(PLAN.format(steps=steps, sums=sums))
        return Stages(read_plan(file), images, teachers, tmp_path, report=lambda figures: None)

    return make


def lively(student: Student) -> Student:
    """With norms that let something through to the last layer, as those of a trained one do."""
    with torch.no_grad():
        for layer in student.modules():
            if isinstance(layer, torch.nn.Conv2d):
                fan_in = layer.weight[0].numel()
                torch.nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_in))
    return student
