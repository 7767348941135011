"""`imagefinder train`, as a user meets it."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from imagefinder.cli import train as verb
from imagefinder.cli.app import app
from imagefinder.errors import DownloadError, ModelError, TrainingError
from imagefinder.images.walk import find_images
from imagefinder.training import OBJECTIVES

from ..downloads.server import ok, web
from ..e2e.program import started, until
from .conftest import CLASSES, EACH

FAST = ("--base", "tiny", "--rate", 0.01, "--size", 32, "--batch", 16, "--held-out", 0.2)
Answer: TypeAlias = Callable[..., Any]

PATIENCE = 180  # seconds, on a busy machine


@pytest.fixture
def answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Answer:
    """Run a command in this process, in ``tmp_path``; its JSON document."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # it is restored if a command replaces it

    def answer(*words: object) -> Any:
        capsys.readouterr()
        assert not app([*map(str, words), "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return answer


def test_a_killed_command_is_resumed(
    images: Path, tmp_path: Path, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the default base model, and in a process that is really killed."""
    words = ("train", images, "--out", "mine", "--size", 32, "--batch", 16, "--epochs", 2)
    checkpoint = tmp_path / "mine" / "training" / "checkpoint.pt"
    with started(tmp_path, *words) as process:
        until(checkpoint.exists, PATIENCE)
        process.kill()
    with pytest.raises(TrainingError, match="a different batch"):
        answer(*words, "--batch", 8)
    app([*map(str, words)], standalone_mode=False)
    said = capsys.readouterr().out
    assert re.match(r"40 training images, 8 validation images; 2 epochs in \d+ s", said)
    assert "now try: imagefinder add" in said
    assert not checkpoint.exists()


def test_the_encoder_is_a_folder_that_can_be_moved(
    images: Path, tmp_path: Path, answer: Answer
) -> None:
    train = ("train", images, "--out", "mine", *FAST)
    result = answer(*train, "--epochs", 1)
    assert result["epochs"] == 1
    assert set(result["before"]) == set(result["after"])
    with pytest.raises(TrainingError, match="add --force"):
        answer(*train)
    assert answer("add", images, "--encoder", "mine")["added"] == CLASSES * EACH
    assert answer("info")["encoder"] == "trained"
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(tmp_path / "mine", tmp_path / "elsewhere" / "moved")
    image = next(find_images(images))
    with pytest.raises(ModelError, match="as trained:FOLDER"):
        answer("search", image)
    hits = answer("search", image, "-k", 1, "--encoder", moved)["hits"]
    assert [hit["path"] for hit in hits] == [str(image)]


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("nowhere", TrainingError, "there is no folder"),
        ("empty", TrainingError, "0 images are too few"),
        ("flat", TrainingError, "labels needs at least two classes, but there are none"),
        ("single", TrainingError, "all images are of one class, 'class0'"),
        ("list.csv", DownloadError, "has no column"),
    ],
)
def test_unsuitable_images_are_refused(
    source: str,
    error: type[Exception],
    says: str,
    images: Path,
    tmp_path: Path,
    answer: Answer,
) -> None:
    for folder in ("empty", "flat", "single/class0"):
        (tmp_path / folder).mkdir(parents=True)
    for number, image in enumerate(find_images(images)):
        for folder in ("flat", "single/class0"):
            shutil.copy(image, tmp_path / folder / f"{number}.png")
    (tmp_path / "list.csv").write_text("image\nhttp://127.0.0.1:1/a.jpg\n")
    more = ("--column", "none") if source == "list.csv" else ()
    with pytest.raises(error, match=says):
        answer("train", source, "--out", "mine", *FAST, *more)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    "words",
    [
        (".", "--out", "mine", "--objective", "wishes"),
        (".", "--out", "mine", "--size", "8"),
        (".", "--out", "mine", "--rate", "0"),
        (".", "--out", "mine", "--frozen", "-1"),
        (".",),
    ],
)
def test_invalid_options_are_misuse(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["train", *words]).exit_code == 2


def test_every_objective_can_be_chosen() -> None:
    assert get_args(get_type_hints(verb.train)["objective"]) == OBJECTIVES


def test_a_list_is_downloaded_and_its_column_names_classes(
    images: Path, tmp_path: Path, answer: Answer
) -> None:
    with web() as served:
        lines = ["image,kind,title"]
        for image in find_images(images):
            path = f"/{image.parent.name}-{image.name}"
            served.routes[path] = ok(image.read_bytes())
            lines.append(f"{served.url(path)},{image.parent.name},{image.stem}")
        (tmp_path / "list.csv").write_text("\n".join(lines))
        words = ("train", "list.csv", "--out", "mine", "--allow-private", *FAST)
        with pytest.raises(TrainingError, match="labels needs at least two classes"):
            answer(*words)
        result = answer(*words, "--epochs", 1, "--label", "kind")
    assert (result["images"], result["classes"]) == (CLASSES * EACH, CLASSES)
    (hit,) = answer("search", image, "-k", 1, "--db", "mine/catalogue.db")["hits"]
    assert hit["title"] == image.stem
    again = ("train", "mine-images", "--out", "again", "--label")
    with pytest.raises(TrainingError, match="labels needs at least two classes"):
        answer(*again, "size")
    with pytest.raises(TrainingError, match="omit --label"):
        answer("train", images, "--out", "x", "--label", "kind")
