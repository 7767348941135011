"""Kinds of index, from the command line."""

import shutil
from pathlib import Path

import PIL.Image
import pytest

from .program import Run, answer, misuse, refusal


@pytest.fixture
def own(catalogue: Path, tmp_path: Path) -> Path:
    """A catalogue that a test may alter."""
    return Path(shutil.copy(catalogue, tmp_path / "imagefinder.db"))


def test_kinds_are_listed(run: Run) -> None:
    listed = answer(run("index", "--json"))["indexes"]
    assert {"exact", "sqlite-vec", "hnsw", "faiss"} <= {one["name"] for one in listed}
    assert b"exact" in run("index").stdout


def test_a_kind_is_built_and_said_to_be_used(run: Run, own: Path, images: list[Path]) -> None:
    before = answer(run("search", images[0], "--json"))["hits"]
    assert answer(run("index", "build", "hnsw", "-o", "connectivity=8", "--json")) == {
        "index": "hnsw",
        "options": {"connectivity": 8},
        "why": "",
    }
    assert answer(run("info", "--json"))["index"] == {"hnsw": {"connectivity": 8}}
    assert answer(run("search", images[0], "--json"))["hits"] == before
    chosen = answer(run("index", "build", "--json"))
    assert chosen["index"] == "exact"
    assert "brute force is fast enough" in chosen["why"]
    assert answer(run("info", "--json"))["index"] == "exact"


def test_a_kind_that_there_is_not_is_told(run: Run, own: Path) -> None:
    assert "among the indexes" in refusal(run("index", "build", "wishes"))
    assert "its options" in refusal(run("index", "build", "hnsw", "-o", "colour=1"))
    misuse(run("index", "build", "auto", "-o", "connectivity=8"))
    misuse(run("index", "audit", "-o", "connectivity=8"))


def test_kinds_are_measured_and_drawn(run: Run, own: Path) -> None:
    audits = answer(run("index", "audit", "hnsw", "kmeans", "--out", "audit.png", "--json"))
    assert [one["index"] for one in audits["audits"]] == ["exact", "hnsw", "kmeans"]
    for one in audits["audits"]:
        assert one["recall"] == {"1": 1, "10": 1, "100": 1}, "so few are compared in full"
        assert one["queries_per_second"] > 0
        assert one["bytes"] > 0
    with PIL.Image.open(own.parent / "audit.png") as drawn:
        assert min(drawn.size) > 300
    assert b"recall@1" in run("index", "audit", "hnsw").stdout
    assert "must end in .png" in refusal(run("index", "audit", "--out", "audit.doc"))


def test_a_search_can_be_kept_to_a_folder(run: Run, own: Path, images: list[Path]) -> None:
    folder = images[-1].parent
    found = answer(run("search", images[0], "--folder", folder, "-k", "99", "--json"))["hits"]
    assert {Path(hit["path"]).parent for hit in found} == {folder}
    assert len(found) == sum(path.parent == folder for path in images)
    none = run("search", images[0], "--folder", "nowhere")
    assert none.returncode == 0
    misuse(run("search", images[0], "--where", "colour"))
    assert answer(run("search", images[0], "--where", "colour=red", "--json"))["hits"] == []
