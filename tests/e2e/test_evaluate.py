"""``imagefinder evaluate``, as people and scripts meet it."""

import json
from pathlib import Path

import pytest

from .program import Run, answer, misuse, refusal


def test_a_catalogue_is_measured_by_its_folders(run: Run, stocked: Path) -> None:
    said = run("evaluate", "-k", 1, "-k", 3)
    assert (said.returncode, said.stderr) == (0, b"")
    text = said.stdout.decode()
    assert "144 queries among 144 images by standard" in text
    for word in ("mAP", "nDCG", "R-precision", "MRR", "N-S", "precision@1", "harbour"):
        assert word in text


def test_json_is_one_document_and_a_report_lies_in_its_folder(
    run: Run, stocked: Path, tmp_path: Path
) -> None:
    told = answer(run("evaluate", "--json", "--sample", 20, "--seed", 1, "--out", "report"))
    assert (told["queries"], told["images"], told["ks"]) == (20, 144, [1, 5, 10])
    assert told["metrics"]["mAP"]["low"] < told["metrics"]["mAP"]["mean"] <= 1
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == told
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.json",
        "report.html",
        "precision-recall.png",
        "scores.png",
        "confusion.png",
    }


def test_pairs_and_folders_of_queries_are_asked(
    run: Run, stocked: Path, gallery: Path, tmp_path: Path
) -> None:
    harbour = gallery / "harbour"
    (tmp_path / "pairs.csv").write_text(
        f"query,relevant\n{harbour / 'crop.jpg'},{harbour / 'light.jpg'}\n"
    )
    paired = answer(run("evaluate", "--pairs", "pairs.csv", "--json"))
    assert (paired["queries"], paired["classes"]) == (1, [])
    asked = answer(run("evaluate", "--queries", gallery, "--json"))
    whole = answer(run("evaluate", "--json"))
    # all of them are stored, so that they find what they find as stored images
    for name, figure in whole["metrics"].items():
        assert asked["metrics"][name]["mean"] == pytest.approx(figure["mean"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", 99), "no stored image has a folder 99 levels up"),
        (("--pairs", "none.csv"), "none.csv: No such file"),
        (("--rerank", "mutual"), "without local features"),
        (("--db", "none.db"), "there is no catalogue"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    words: tuple[str | int, ...], said: str, run: Run, stocked: Path
) -> None:
    assert said in refusal(run("evaluate", *words))


def test_a_wrong_use_is_told(run: Run, stocked: Path) -> None:
    for words in (
        ("--depth", 3),
        ("-k", 0),
        ("--measure", "cosin"),
        ("--pairs", "a.csv", "--level", 2),
    ):
        misuse(run("evaluate", *words))
