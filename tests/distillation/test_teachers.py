"""Teachers: where their parts end, and that the plan's very file is used."""

from pathlib import Path

import numpy as np
import pytest
from distillation.config import TeacherPlan, read_plan
from distillation.target import Target
from distillation.teachers import Teacher

from imagefinder.errors import TrainingError
from imagefinder.training.models.mobilenet import Student

from .conftest import SIDE, TEACHERS, MakeStages

HALF = [127.5, 127.5, 127.5]


def test_a_teachers_maps_lie_over_the_students(teachers: Path) -> None:
    teacher = Teacher(teachers / TEACHERS[0], HALF, HALF)
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    (maps,) = teacher.normalized_for(teacher.depths(), SIDE)([view])
    shapes = Student(width=0.25).shapes
    for given, shape in zip(maps, shapes, strict=True):
        assert given.shape == (shape.channels, SIDE // shape.stride, SIDE // shape.stride)


@pytest.mark.parametrize("name", ["mobilenet_v2_ptq", "mobilenet_v2_qat", "mobilenetv2_backbone"])
def test_real_teachers_have_the_same_19_depths(assets: Path, name: str) -> None:
    teacher = Teacher(assets / "models" / f"{name}.onnx", HALF, HALF)
    (maps,) = teacher.normalized_for(teacher.depths(), 64)([np.zeros((64, 64, 3), np.uint8)])
    shapes = Student().shapes
    assert [given.shape[0] for given in maps] == [shape.channels for shape in shapes]


def test_another_file_is_not_the_plans_teacher(teachers: Path) -> None:
    with pytest.raises(TrainingError, match="its SHA-256 differs"):
        TeacherPlan(TEACHERS[0], "0" * 64, HALF, HALF).opened(teachers)
    with pytest.raises(TrainingError, match="cannot be read: No such file"):
        TeacherPlan("none.onnx", "0" * 64, HALF, HALF).opened(teachers)


def test_the_target_is_centred_and_all_directions_count() -> None:
    rng = np.random.default_rng(0)
    # two teachers' rows that lie far from zero and spread unevenly
    teachers = [
        (5 + rng.normal(size=(500, 12)) * np.linspace(3, 0.1, 12)).astype(np.float32)
        for _ in range(2)
    ]
    plain = Target.fitted(teachers, [1, 1], 6, whitening=0.0)
    rows = Target.fitted(teachers, [1, 1], 6, whitening=1.0).of(teachers)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(500), abs=1e-5)
    assert np.abs(rows.mean(axis=0)).max() < 0.05
    spread = np.cov(rows, rowvar=False)
    assert np.allclose(spread, np.eye(6) / 6, atol=0.06)
    assert np.ptp(plain.of(teachers).var(axis=0)) > 3 * np.ptp(rows.var(axis=0))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("width =", "cannot be read"), ('width = "wide"', "width: Input"), ("", "width: Field")],
)
def test_a_wrong_plan_is_named(
    make_stages: MakeStages, tmp_path: Path, wrong: str, said: str
) -> None:
    make_stages()
    plan = tmp_path / "plan.toml"
    plan.write_text(plan.read_text().replace("width = 0.25", wrong, 1))
    with pytest.raises(TrainingError, match=said):
        read_plan(plan)


def test_a_plan_has_no_room_for_unknown_words(make_stages: MakeStages, tmp_path: Path) -> None:
    make_stages()
    plan = tmp_path / "plan.toml"
    plan.write_text("colour = 1\n" + plan.read_text())
    with pytest.raises(TrainingError, match="colour: Unexpected"):
        read_plan(plan)
    with pytest.raises(TrainingError, match="cannot be read"):
        read_plan(tmp_path / "none.toml")
