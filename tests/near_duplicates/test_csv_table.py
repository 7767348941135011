"""The table of near-duplicates, as another program reads it."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imagefinder.near_duplicates.csv_table import COLUMNS, csv_table
from imagefinder.near_duplicates.groups import DuplicateGroup, NearDuplicate
from imagefinder.near_duplicates.selection import Keep
from imagefinder.types import File, Record, key_of
from imagefinder.verification.verify import Verification

Make = Callable[..., Record]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A record with files of this content, the first of them the oldest."""

    def make(content: bytes, *names: str) -> Record:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        files = tuple(File(str(tmp_path / name), number) for number, name in enumerate(names))
        sha256 = hashlib.sha256(content).digest()
        return Record(key_of(sha256), sha256, len(content), 4, 3, files)

    return make


def group(best: Record, *copies: Record) -> DuplicateGroup:
    found = Verification("same image", True, 0.99)
    reasons = ("more pixels", "in color")
    return DuplicateGroup(best, tuple(NearDuplicate(one, 0.9, found, reasons) for one in copies))


def rows(*groups: DuplicateGroup, **options: object) -> list[dict[str, str]]:
    table = csv_table(groups, **options)  # type: ignore[arg-type]
    return list(csv.DictReader("".join(table).splitlines(keepends=True)))


def test_each_file_has_a_row_with_its_hashes(make: Make, tmp_path: Path) -> None:
    first = group(make(b"best", "b.jpg", "sub/b.jpg"), make(b"copy", "c.jpg"))
    best, same, copy, other, _ = rows(first, group(make(b"other", "d.jpg", "e.jpg")))
    assert best == {
        "group": "1",
        "role": "best",
        "path": str(tmp_path / "b.jpg"),
        "sha1": hashlib.sha1(b"best").hexdigest(),  # noqa: S324  a name, not a proof
        "sha256": hashlib.sha256(b"best").hexdigest(),
        "id": first.best.id,
        "width": "4",
        "height": "3",
        "bytes": "4",
        "score": "",
        "verdict": "",
        "probability": "",
        "why": "",
    }
    assert (same["role"], same["path"]) == ("identical", str(tmp_path / "sub" / "b.jpg"))
    assert (same["sha1"], same["why"]) == (best["sha1"], "the same file")
    assert (copy["role"], copy["group"], copy["score"]) == ("copy", "1", "0.9")
    assert (copy["verdict"], copy["probability"]) == ("same image", "0.99")
    assert copy["why"] == "more pixels, in color"
    assert (other["role"], other["group"]) == ("best", "2")


def test_paths_in_a_folder_are_relative_to_it(make: Make, tmp_path: Path) -> None:
    found = group(make(b"best", "library/a/b.jpg"), make(b"copy", "elsewhere/c.jpg"))
    paths = [row["path"] for row in rows(found, folder=str(tmp_path / "library"))]
    assert paths == ["a/b.jpg", str(tmp_path / "elsewhere" / "c.jpg")]


def test_no_path_is_a_formula_of_a_spreadsheet(make: Make, tmp_path: Path) -> None:
    found = group(make(b"best", "library/=1+1.jpg", "library/-a/b.jpg"), make(b"copy", "library/c"))
    paths = [row["path"] for row in rows(found, folder=str(tmp_path / "library"))]
    assert paths == ["./=1+1.jpg", "./-a/b.jpg", "c"]


def test_the_file_that_stays_is_the_best(make: Make) -> None:
    found = group(make(b"best", "a.jpg", "b.jpg"))
    newest = rows(found, keep=Keep(newest=True))
    assert [Path(row["path"]).name for row in newest] == ["b.jpg", "a.jpg"]
    assert [row["role"] for row in newest] == ["best", "identical"]


def test_what_is_no_copy_has_no_row(make: Make, tmp_path: Path) -> None:
    record = make(b"best", "a.jpg", "link.jpg", "gone.jpg")
    (tmp_path / "gone.jpg").unlink()
    (tmp_path / "link.jpg").unlink()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    assert [Path(row["path"]).name for row in rows(group(record))] == ["a.jpg"]


def test_a_file_that_has_changed_has_no_sha1(make: Make, tmp_path: Path) -> None:
    record = make(b"best", "a.jpg")
    (tmp_path / "a.jpg").write_bytes(b"more")
    (row,) = rows(group(record))
    assert (row["sha1"], row["sha256"]) == ("", hashlib.sha256(b"best").hexdigest())


def test_names_are_read_as_they_are(make: Make, tmp_path: Path) -> None:
    names = ['comma, quote".jpg', "line\nbreak.jpg", "return\r.jpg", "größe.jpg"]
    found = [group(make(name.encode(), name)) for name in names]
    text = "".join(csv_table(found))
    (tmp_path / "table.csv").write_bytes(text.encode())
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [str(tmp_path / n) for n in names]


def test_a_table_of_nothing_has_its_columns() -> None:
    assert "".join(csv_table([])) == ",".join(f'"{name}"' for name in COLUMNS) + "\n"
