"""Distillation as a whole: it learns, it can be resumed, and the export agrees with torch."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from distillation.__main__ import main
from distillation.export import export
from distillation.stages import Stages

from imagefinder.registry.factory import make_encoder
from imagefinder.testing.contracts import check_encoder
from imagefinder.training.models import mobilenet
from imagefinder.training.models.mobilenet import MobileNetV2

from .conftest import SIDE, MakeStages, lively


class Killed(Exception):
    pass


@dataclass(frozen=True)
class Whole:
    stages: Stages
    student: MobileNetV2
    curve: list[dict[str, float]]


@pytest.fixture(scope="module")
def whole(make_stages: MakeStages, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """An uninterrupted run."""
    stages = make_stages(tmp_path_factory.mktemp("whole"), steps=30)
    curve: list[dict[str, float]] = []
    return Whole(stages, replace(stages, report=curve.append).student(), curve)


def test_the_loss_decreases(whole: Whole) -> None:
    losses = [metrics["loss"] for metrics in whole.curve if "loss" in metrics]
    maps, embedding = losses[: len(losses) // 2], losses[len(losses) // 2 :]
    assert maps[-1] < 0.9 * maps[0]
    assert embedding[-1] < 0.9 * embedding[0]


def test_an_interrupted_run_ends_with_the_same_weights(whole: Whole, tmp_path: Path) -> None:
    """Killed within a group of blocks, after the last block, and within each later stage."""
    for reports in (3, 17, 2, 3):  # of each attempt, the last before it is killed
        left = iter(range(reports - 1, -1, -1))

        def die(metrics: dict[str, float], left: Iterator[int] = left) -> None:
            if next(left) == 0:
                raise Killed

        with pytest.raises(Killed):
            replace(whole.stages, work=tmp_path, report=die).student()
    resumed = replace(whole.stages, work=tmp_path).student().state_dict()
    for name, weights in whole.student.state_dict().items():
        assert torch.equal(resumed[name], weights), name


@torch.no_grad()
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_the_exported_graph_gives_what_torch_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setattr(
        mobilenet, "mixed_precision", lambda where: nullcontext()
    )  # torch in 32 bits, too
    torch.manual_seed(3)
    student = lively(MobileNetV2(dim=24, width=0.25)).eval()
    for layer in student.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean = torch.randn(layer.num_features) / 10
            layer.running_var = torch.rand(layer.num_features) + 0.5
            torch.nn.init.normal_(layer.weight, 1, 0.1)
            torch.nn.init.normal_(layer.bias, 0, 0.1)
    export(student, SIDE, tmp_path / "student.onnx")
    options = {"mean": 127.5, "std": 127.5, "scale": 1, "runtime": runtime, "precision": "f32"}
    encoder = make_encoder(f"onnx:{tmp_path / 'student.onnx'}", options)
    pixels = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8)
    given = np.concatenate(encoder.encode(list(pixels)))
    shown = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    expected = student(shown).numpy()
    assert (given * expected).sum(axis=1).min() >= 0.9999


def test_the_command_estimates_and_trains_with_run(
    make_stages: MakeStages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = make_stages(tmp_path)
    output = tmp_path / "encoder.onnx"
    command = [
        str(tmp_path / "config.toml"),
        "--images",
        str(stages.images),
        "--teachers",
        str(stages.teachers),
    ]
    command += ["--work", str(tmp_path / "work"), "--output", str(output)]

    assert main(command) == 0
    assert "about 0.0 hours" in capsys.readouterr().out
    assert not output.exists()

    assert main([*command, "--run"]) == 0
    curve = [
        json.loads(line) for line in (tmp_path / "work" / "log.jsonl").read_text().splitlines()
    ]
    assert [line["block"] for line in curve if "block" in line] == list(range(19))
    assert str(output) in capsys.readouterr().out
    options = {"mean": 127.5, "std": 127.5, "scale": 1}
    check_encoder(make_encoder(f"onnx:{output}", options))
