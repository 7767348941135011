"""A training small enough to be watched: 48 drawn images of four kinds, 32 pixels a side."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from imagefinder.training import Outcome, Settings, train
from imagefinder.types import Image

KINDS, EACH = 4, 12
Draw = Callable[..., Image]
Train = Callable[..., Outcome]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Such small steps are slower on several, and on a busy machine much slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # of programs that the tests run
        yield
    torch.set_num_threads(before)


def small(**changed: object) -> Settings:
    """Settings for a training of seconds."""
    usual = {"size": 32, "epochs": 3, "batch": 16, "held_out": 0.2}
    return Settings(**{**usual, **changed})  # type: ignore[arg-type]


def draw_kinds(folder: Path, draw: Draw) -> Path:
    """A folder for each kind; one of a kind is a part of its image, a little noisy."""
    rng = np.random.default_rng(0)
    for kind in range(KINDS):
        (folder / f"kind{kind}").mkdir(parents=True)
        whole = draw(kind, 90, 80)
        for number in range(EACH):
            top, left = rng.integers(0, 12, 2)
            part = whole[top : top + 60, left : left + 70]
            noisy = np.clip(part + rng.normal(0, 12, part.shape), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(noisy).save(folder / f"kind{kind}" / f"{number:02}.png")
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    """A folder that no test may alter."""
    return draw_kinds(tmp_path_factory.mktemp("finetuning") / "images", draw)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Outcome:
    """A training by labels, which no test may alter."""
    return train(images, tmp_path_factory.mktemp("trained") / "mine", small())
