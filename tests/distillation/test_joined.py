"""Joined encoders: their projection is fitted, and their generality is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL.Image
import pytest
from distillation.joint_fit import FitConfig, Rows, fit

from distillation import generality, joined
from imagefinder.encoders.joint_projection import JointProjection
from imagefinder.encoders.model_store import PinnedFile
from imagefinder.errors import TrainingError
from imagefinder.similarity import unit
from imagefinder.types import Features, Image, Measure, Resize

from .conftest import Draw

PLAN = """
sources = [{{ name = "made", pattern = "*.png", weight = 1 }}]
views = {{ seed = 1, size = 60, count = {count}, mosaics = 0.0, augmentations = {{ pad = 0.5 }} }}
[models.standard]
weights = [1, 1.2]
dim = 8
whitening = 0.2
robustness = 0.5
shrinkage = 1
classes = 0.5
"""
CLASSES: Rows = np.random.default_rng(3).normal(size=(20, 16)).astype(np.float32)


def rows_of(seed: int, count: int = 300) -> tuple[list[Rows], list[Rows]]:
    """Members whose first dimensions tell images apart, and whose last change in copies."""
    rng = np.random.default_rng(seed)
    originals, copies = [], []
    for dim in (12, 16):
        image, first, second = (rng.normal(size=(count, dim)).astype(np.float32) for _ in range(3))
        image[:, -4:] = 0
        first[:, :-4] *= 0.05
        second[:, :-4] *= 0.05
        originals.append(image + 1.5 * first)
        copies.append(image + 1.5 * second)
    return originals, copies


def closeness(robustness: float) -> float:
    originals, copies = rows_of(0)
    plan = FitConfig([1.0, 1.2], 8, 0.0, robustness, 0.05, 0.0)
    projection = fit(plan, ["a", "b"], originals, copies, CLASSES)
    new, changed = rows_of(1)
    return float((projection(new) * projection(changed)).sum(axis=1).mean())


def test_copies_are_pulled_together() -> None:
    assert closeness(1.0) > closeness(0.0) + 0.1


def test_unrelated_images_score_about_zero() -> None:
    originals, copies = rows_of(0)
    projection = fit(
        FitConfig([1.0, 1.0], 8, 0.3, 0.5, 0.5, 0.3), ["a", "b"], originals, copies, CLASSES
    )
    rows = projection(rows_of(2)[0])
    scores = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert abs(float(np.median(scores))) < 0.1
    assert rows == pytest.approx(unit(rows), abs=1e-5)


def test_the_axes_are_those_of_the_classes_where_the_views_show_no_difference() -> None:
    originals, copies = rows_of(0)
    originals[1][:, 5] = copies[1][:, 5] = 0  # alike in all views
    classes = np.zeros((20, 16), np.float32)
    classes[:, 5] = np.arange(20)

    def importance(share: float) -> float:
        config = FitConfig([1.0, 1.0], 8, 0.0, 0.0, 0.5, share)
        axes = fit(config, ["a", "b"], originals, copies, classes).axes
        return float(np.abs(axes[12 + 5]).max())

    assert importance(0.5) > 0.5 > importance(0.0)


@dataclass(frozen=True)
class MeanColors:
    """Mean colors of a grid of ``side`` × ``side`` fields, in place of a member."""

    side: int
    dim: int = 0
    measure: Measure = "cosine"
    resize: ClassVar[Resize] = Resize(48, 48)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        step = 48 // self.side
        return [image[::step, ::step].reshape(1, -1).astype(np.float32) for image in images]


def test_the_command_writes_a_projection(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sides = {"compact": 2, "efficientnet_lite0": 3}
    classifier = np.random.default_rng(0).normal(size=(9, 27)).astype(np.float32)
    monkeypatch.setattr(joined, "make_encoder", lambda name: MeanColors(sides[name]))
    monkeypatch.setattr(joined, "pinned", lambda model: PinnedFile(tmp_path, "c" * 64))
    monkeypatch.setattr(joined, "read_state_dict", lambda *file: {"_fc.weight": classifier})
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(count=40))
    paths = ["--images", str(images), "--work", str(tmp_path / "work"), "--output", str(tmp_path)]
    assert joined.main([str(plan), *paths]) == 0
    assert "standard 8 " in capsys.readouterr().out
    first = (tmp_path / "standard.npz").read_bytes()
    projection = JointProjection.from_bytes(first)
    assert projection.axes.shape == (12 + 27, 8)
    assert projection.sources[1] == "c" * 64
    assert joined.main([str(plan), *paths]) == 0  # from the vectors it kept
    assert (tmp_path / "standard.npz").read_bytes() == first


def test_a_plan_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.toml").write_text("views = 3")
    assert joined.main([str(tmp_path / "plan.toml"), "--images", str(tmp_path)]) == 1
    assert "plan.toml" in capsys.readouterr().err
    assert not (tmp_path / "joined-work").exists()


def kinds(folder: Path, draw: Draw, count: int = 3) -> Path:
    """Two kinds: dark images and light ones."""
    for kind, low in (("dark", 0), ("light", 150)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            pixels = draw(number, 60, 60) // 3 + low
            PIL.Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number}.png")
    return folder


def test_generality_is_retrieval_of_the_same_kind(
    tmp_path: Path, draw: Draw, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kinds(tmp_path / "unseen", draw)
    assert generality.main([str(folder), "--encoder", "classic", "--encoder", "compact"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["classic", "compact"]
    assert all("2 kinds" in line and "mAP" in line for line in lines)


def test_one_kind_alone_says_nothing(
    tmp_path: Path, draw: Draw, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kinds(tmp_path / "unseen", draw, count=1)
    assert generality.main([str(folder)]) == 1
    assert "a folder for each kind" in capsys.readouterr().err


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    from distillation.sources import ImageSource

    with pytest.raises(TrainingError, match="no images for none"):
        ImageSource("none", "*.png", 1).files(tmp_path)
