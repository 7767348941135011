"""What the documents say is true: examples run, commands exist, every dependency has its reason."""

import re
import shutil
import sys
import tomllib
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from imagefinder import Finder
from imagefinder.testing.gallery import draw_scene, view_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run_example(number: int) -> dict[str, object]:
    """Run the README's Python example of that number; gives the names it makes."""
    # dataclasses look their module up
    module = ModuleType("example")
    sys.modules[module.__name__] = module
    exec(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number], module.__dict__)  # noqa: S102  our own
    return module.__dict__


def test_the_encoder_in_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pictures").mkdir()
    draw_scene("harbour").save(tmp_path / "Pictures" / "harbour.jpg")
    monkeypatch.chdir(tmp_path)
    run_example(1)
    assert (tmp_path / "colours.db").exists()


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pictures").mkdir()
    for scene in ("harbour", "mosaic", "regatta"):
        draw_scene(scene).save(tmp_path / "Pictures" / f"{scene}.jpg")
    view_of(draw_scene("mosaic"), "crop", 1).save(tmp_path / "query.jpg")
    monkeypatch.chdir(tmp_path)
    names = run_example(0)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "3 added; []"
    assert printed[1].startswith("1 0.8")
    assert printed[1].endswith("mosaic.jpg")
    assert getattr(names["vectors"], "shape", None) == (1, 320)


def test_the_vectors_in_the_readme_go_out_and_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pictures").mkdir()
    for scene in ("harbour", "mosaic"):
        draw_scene(scene).save(tmp_path / "Pictures" / f"{scene}.jpg")
    draw_scene("mosaic").save(tmp_path / "query.jpg")
    monkeypatch.chdir(tmp_path)
    names = run_example(2)
    assert capsys.readouterr().out == "2 added, (2, 320)\n"
    assert getattr(names["unit"], "shape", None) == (1, 320)


def test_the_evaluation_in_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for scene in ("harbour", "mosaic"):
        (tmp_path / scene).mkdir()
        for view in ("light", "size"):
            view_of(draw_scene(scene), view, 1).save(tmp_path / scene / f"{view}.jpg")
    with Finder.create(tmp_path / "photos.db") as finder:
        finder.add(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = run_example(3)
    assert capsys.readouterr().out == "1.000 (1.000 to 1.000)\n"
    assert names["hard"] == []
    assert (tmp_path / "report" / "report.html").exists()


def test_the_training_in_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from imagefinder import training as finetuning

    for scene in ("harbour", "mosaic", "regatta", "balloons"):
        (tmp_path / "Products" / scene).mkdir(parents=True)
        for number in range(8):
            view = view_of(draw_scene(scene), "angle", number).resize((60, 45))
            view.save(tmp_path / "Products" / scene / f"{number}.jpg")
    shutil.copytree(tmp_path / "Products" / "mosaic", tmp_path / "Others")
    monkeypatch.chdir(tmp_path)
    small = partial(finetuning.Settings, size=32, batch=16)
    monkeypatch.setattr(finetuning, "Settings", small)  # as it stands there it takes half a minute
    names = run_example(4)
    assert "→" in capsys.readouterr().out
    assert getattr(names["outcome"], "pictures", None) == 32
    assert (tmp_path / "others.db").exists()


def test_the_toml_example_names_the_options_and_defaults_there_are() -> None:
    from dataclasses import fields

    from imagefinder.encoders.onnx import Onnx

    example = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]
    defaults = {field.name: field.default for field in fields(Onnx)}
    for name, value in tomllib.loads(example).items():
        if name not in ("size", "output"):
            assert defaults[name] == (tuple(value) if isinstance(value, list) else value)


def test_every_command_in_the_readme_exists() -> None:
    from imagefinder.cli import app

    there = {
        (command.name or command.callback.__name__)
        for command in app.registered_commands
        if command.callback
    }
    there |= {str(group.name) for group in app.registered_groups}
    named = set(re.findall(r"^\| `imagefinder (\w+)", README, re.MULTILINE))
    assert named == there


def test_every_dependency_has_its_reason() -> None:
    why = (ROOT / "docs" / "why.md").read_text()
    table = why[why.index("## Dependencies") :]
    extras = PROJECT["optional-dependencies"]
    ours = chain.from_iterable(extras[name] for name in extras if name not in ("all", "dev"))
    for requirement in [*PROJECT["dependencies"], *ours]:
        if requirement.startswith("onnxruntime-gpu"):  # excludes onnxruntime
            continue
        name = re.split(r"[<>=]", requirement)[0]
        assert re.search(rf"^\|[^|]*\b{re.escape(name)}\b", table, re.MULTILINE), name
        assert re.search(
            rf"^{re.escape(name)}==",
            (ROOT / "constraints.txt").read_text().replace("_", "-"),
            re.MULTILINE,
        ), name
