"""Training as a whole: it learns, it can be killed, and what is exported is what was trained."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from distillation.__main__ import main
from distillation.export import export

from imagefinder.registry.factory import make_encoder
from imagefinder.testing.contracts import check_encoder
from imagefinder.training.models import mobilenet
from imagefinder.training.models.mobilenet import Student

from .conftest import SIDE, MakeStages, lively


class Killed(Exception):
    pass


def test_two_hundred_steps_on_made_images_lower_the_loss(make_stages: MakeStages) -> None:
    stages = make_stages(steps=200)
    said: list[dict[str, float]] = []
    replace(stages, report=said.append).student()
    losses = [figures["loss"] for figures in said if "loss" in figures]
    maps, embedding = losses[: len(losses) // 2], losses[len(losses) // 2 :]
    assert maps[-1] < 0.9 * maps[0]
    assert embedding[-1] < 0.9 * embedding[0]


@pytest.mark.parametrize("moment", [3, 19, 20, 21, 22])
def test_a_killed_training_ends_with_the_same_weights(
    make_stages: MakeStages, tmp_path: Path, moment: int
) -> None:
    whole = make_stages(steps=40)
    expected = whole.student().state_dict()

    said = 0

    def die(figures: dict[str, float]) -> None:
        nonlocal said
        said += 1
        if said == moment:
            raise Killed

    work = tmp_path / "again"
    work.mkdir()
    with pytest.raises(Killed):
        replace(whole, work=work, report=die).student()
    given = replace(whole, work=work).student().state_dict()
    for name, weights in expected.items():
        assert torch.equal(given[name], weights), name


@torch.no_grad()
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_the_exported_graph_gives_what_torch_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setattr(mobilenet, "mixed", lambda where: nullcontext())  # torch in 32 bits, too
    torch.manual_seed(3)
    student = lively(Student(dim=24, width=0.25)).eval()
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


def test_the_command_says_what_it_would_take_and_trains_when_told(
    make_stages: MakeStages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = make_stages()
    output = tmp_path / "encoder.onnx"
    command = [
        str(tmp_path / "plan.toml"),
        "--pictures",
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
    assert [line["part"] for line in curve if "part" in line] == list(range(19))
    assert str(output) in capsys.readouterr().out
    options = {"mean": 127.5, "std": 127.5, "scale": 1}
    check_encoder(make_encoder(f"onnx:{output}", options))
