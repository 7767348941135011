"""Teachers: where their blocks end, the joint embedding, and the configuration."""

from pathlib import Path

import numpy as np
import pytest
from distillation.config import TeacherConfig, read_config
from distillation.target import JointEmbedding
from distillation.teachers import Teacher

from imagefinder.errors import TrainingError
from imagefinder.training.models.mobilenet import MobileNetV2

from .conftest import SIDE, TEACHERS, MakeStages

HALF = [127.5, 127.5, 127.5]


def test_a_teachers_maps_lie_over_the_students(teachers: Path) -> None:
    teacher = Teacher(teachers / TEACHERS[0], HALF, HALF)
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    (maps,) = teacher.compile(teacher.block_outputs(), SIDE)([view])
    shapes = MobileNetV2(width=0.25).shapes
    for given, shape in zip(maps, shapes, strict=True):
        assert given.shape == (shape.channels, SIDE // shape.stride, SIDE // shape.stride)


@pytest.mark.parametrize("name", ["mobilenet_v2_ptq", "mobilenet_v2_qat", "mobilenetv2_backbone"])
def test_real_teachers_have_the_same_19_depths(assets: Path, name: str) -> None:
    teacher = Teacher(assets / "models" / f"{name}.onnx", HALF, HALF)
    (maps,) = teacher.compile(teacher.block_outputs(), 64)([np.zeros((64, 64, 3), np.uint8)])
    shapes = MobileNetV2().shapes
    assert [given.shape[0] for given in maps] == [shape.channels for shape in shapes]


def test_another_file_is_not_the_configured_teacher(teachers: Path) -> None:
    with pytest.raises(TrainingError, match="its SHA-256 differs"):
        TeacherConfig(TEACHERS[0], "0" * 64, HALF, HALF).open(teachers)
    with pytest.raises(TrainingError, match="cannot be read: No such file"):
        TeacherConfig("none.onnx", "0" * 64, HALF, HALF).open(teachers)


def test_the_target_is_centred_and_all_directions_count() -> None:
    rng = np.random.default_rng(0)
    # two teachers' rows that lie far from zero and spread unevenly
    teachers = [
        (5 + rng.normal(size=(500, 12)) * np.linspace(3, 0.1, 12)).astype(np.float32)
        for _ in range(2)
    ]
    plain = JointEmbedding.fit(teachers, [1, 1], 6, whitening=0.0)
    rows = JointEmbedding.fit(teachers, [1, 1], 6, whitening=1.0).transform(teachers)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(500), abs=1e-5)
    assert np.abs(rows.mean(axis=0)).max() < 0.05
    spread = np.cov(rows, rowvar=False)
    assert np.allclose(spread, np.eye(6) / 6, atol=0.06)
    assert np.ptp(plain.transform(teachers).var(axis=0)) > 3 * np.ptp(rows.var(axis=0))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("width =", "cannot be read"), ('width = "wide"', "width: Input"), ("", "width: Field")],
)
def test_an_invalid_field_is_named(
    make_stages: MakeStages, tmp_path: Path, wrong: str, said: str
) -> None:
    make_stages(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("width = 0.25", wrong, 1))
    with pytest.raises(TrainingError, match=said):
        read_config(config)


def test_unknown_fields_are_refused(make_stages: MakeStages, tmp_path: Path) -> None:
    make_stages(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text("colors = 1\n" + config.read_text())
    with pytest.raises(TrainingError, match="colors: Unexpected"):
        read_config(config)
    with pytest.raises(TrainingError, match="cannot be read"):
        read_config(tmp_path / "none.toml")
