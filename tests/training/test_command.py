"""`imagefinder train`, as a user meets it."""

import shutil
import signal
from pathlib import Path

import pytest

from imagefinder.images.files import find_images

from ..conftest import Draw
from ..downloads.server import ok, web
from ..e2e.program import answer, misuse, refusal, run_in, started, until
from .conftest import EACH, KINDS

PATIENCE = 180  # seconds, on a busy machine
FAST = ("--size", "32", "--epochs", "2", "--batch", "16", "--held-out", "0.2")


def test_one_command_makes_an_encoder_that_works_at_once(images: Path, tmp_path: Path) -> None:
    told = run_in(tmp_path, "train", images, "--out", "mine", *FAST, timeout=PATIENCE)
    assert told.stderr == b""
    assert told.returncode == 0
    assert b"40 images learnt from, 8 held out" in told.stdout
    assert b"now try: imagefinder add" in told.stdout
    image = next(find_images(images))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own = ("--db", tmp_path / "mine" / "catalogue.db")
    hits = answer(run_in(elsewhere, *own, "search", image, "-k", 1, "--json"))["hits"]
    assert [hit["path"] for hit in hits] == [str(image)]
    added = answer(run_in(tmp_path, "add", images, "--encoder", "mine", "--json"))
    assert added["added"] == KINDS * EACH
    assert answer(run_in(tmp_path, "info", "--json"))["encoder"] == "trained"
    moved = tmp_path / "elsewhere" / "moved"
    shutil.move(tmp_path / "mine", moved)
    said = refusal(run_in(tmp_path, "search", image))
    assert "trained:FOLDER" in said
    assert run_in(tmp_path, "search", image, "--encoder", moved).returncode == 0


def test_a_killed_command_goes_on_and_a_finished_one_is_kept(images: Path, tmp_path: Path) -> None:
    words = ("train", images, "--out", "mine", *FAST, "--epochs", "12", "--patience", "12")
    checkpoint = tmp_path / "mine" / "training" / "checkpoint.pt"
    with started(tmp_path, *words) as process:
        until(checkpoint.exists)
        process.kill()
    with started(tmp_path, *words) as process:
        before = checkpoint.stat().st_mtime_ns
        until(lambda: checkpoint.stat().st_mtime_ns != before)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert b"run the same command to resume" in process.stderr.read()
    assert "another epochs" in refusal(run_in(tmp_path, "train", images, "--out", "mine", *FAST))
    outcome = answer(run_in(tmp_path, *words, "--json", timeout=PATIENCE))
    assert outcome["epochs"] == 12
    assert not checkpoint.exists()
    assert "add --force" in refusal(run_in(tmp_path, *words))


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("nowhere", "there is no folder"),
        ("empty", "0 images are too few"),
        ("flat", "labels needs two classes at least, and there are none"),
        ("single", "all are of the one class 'kind0'"),
        ("list.csv", "has no column"),
    ],
)
def test_what_cannot_be_learnt_from_is_one_line(
    folder: str, says: str, images: Path, tmp_path: Path, draw: Draw
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    for number, image in enumerate(find_images(images)):
        shutil.copy(image, tmp_path / "flat" / f"{number}.png")
    shutil.copytree(tmp_path / "flat", tmp_path / "single" / "kind0")
    (tmp_path / "list.csv").write_text("image\nhttp://127.0.0.1:1/a.jpg\n")
    more = ("--column", "none") if folder == "list.csv" else ()
    said = refusal(run_in(tmp_path, "train", folder, "--out", "mine", *FAST, *more))
    assert says in said
    assert not (tmp_path / "mine").exists()


def test_wrong_words_are_misuse(tmp_path: Path) -> None:
    misuse(run_in(tmp_path, "train", ".", "--out", "mine", "--objective", "wishes"))
    misuse(run_in(tmp_path, "train", ".", "--out", "mine", "--size", "8"))
    misuse(run_in(tmp_path, "train", "."))


def test_a_list_is_downloaded_and_its_column_names_classes(images: Path, tmp_path: Path) -> None:
    with web() as served:
        lines = ["image,kind,title"]
        for image in find_images(images):
            path = f"/{image.parent.name}-{image.name}"
            served.routes[path] = ok(image.read_bytes())
            lines.append(f"{served.url(path)},{image.parent.name},{image.stem}")
        (tmp_path / "list.csv").write_text("\n".join(lines))
        words = ("train", "list.csv", "--out", "mine", "--allow-private", *FAST)
        assert "labels needs two classes" in refusal(run_in(tmp_path, *words))
        labelled = (*words, "--label", "kind", "--json")
        outcome = answer(run_in(tmp_path, *labelled, timeout=PATIENCE))
    assert (outcome["images"], outcome["classes"]) == (KINDS * EACH, KINDS)
    searched = ("--db", "mine/catalogue.db", "search", image, "-k", 1, "--json")
    (hit,) = answer(run_in(tmp_path, *searched))["hits"]
    assert hit["title"] == image.stem
    again = ("train", "mine-pictures", "--out", "again", "--label")
    assert "labels needs two classes" in refusal(run_in(tmp_path, *again, "size"))
    said = refusal(run_in(tmp_path, "train", images, "--out", "x", "--label", "kind"))
    assert "leave --label out" in said
