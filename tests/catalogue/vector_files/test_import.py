"""Vectors from elsewhere: of files that are there, and of what must be refused."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.lib import format as npy
from numpy.testing import assert_array_equal
from pyarrow import parquet

from imagefinder import ExchangeError, Finder, MissingExtra, NotFound, RecipeMismatch
from imagefinder._utils.temporary_folder import temporary_folder
from imagefinder.catalogue.vector_files import export_vectors, import_vectors, vector_file
from imagefinder.catalogue.vector_files.formats import check
from imagefinder.encoders.perceptual_hash import DHash
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Entry, File, Recipe, Record, key_of

DIM = 4
RECIPE = Recipe("mine", {}, DIM, "cosine")
SCENES = ("harbour", "mosaic", "chessboard")
Change = Callable[[Path], object]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore.create(tmp_path / "c.db", RECIPE)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{scene}.jpg" for scene in SCENES]
    for scene, file in zip(SCENES, files, strict=True):
        draw_scene(scene).save(file)
    return files


def table(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


def matrix(number: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((number, DIM)).astype(np.float32)


def test_a_matrix_and_a_list_of_paths_are_enough(
    tmp_path: Path, store: SqliteStore, images: list[Path]
) -> None:
    np.save(tmp_path / "v.npy", matrix())
    table(
        tmp_path / "v.csv",
        [
            {"label": "x", "path": images[0], "metadata": '{"year": 1999}'},
            {"label": "y", "path": images[1].name, "metadata": ""},
            {"label": "z", "path": images[2], "metadata": "{}"},
        ],
    )
    report = import_vectors(store, tmp_path / "v.npy")
    assert (report.added, report.failed) == (3, ())
    found = {Path(record.path or "").stem: (record, rows) for record, rows in store.iter_records()}
    for scene, path, vector in zip(SCENES, images, matrix(), strict=True):
        record, rows = found[scene]
        assert (record.width, record.height) == draw_scene(scene).size
        assert record.size == path.stat().st_size
        assert record.files == (File(str(path), path.stat().st_mtime_ns, "imported"),)
        assert_array_equal(rows, vector[None])
    assert found["harbour"][0].metadata == {"year": 1999}
    assert import_vectors(store, tmp_path / "v.npy").unchanged == 3


def test_files_that_cannot_be_read_are_named_and_stop_nothing(
    tmp_path: Path, store: SqliteStore, images: list[Path]
) -> None:
    (tmp_path / "text.jpg").write_text("Dear diary")
    np.save(tmp_path / "v.npy", matrix())
    table(
        tmp_path / "v.csv",
        [{"path": "missing.jpg"}, {"path": "text.jpg"}, {"path": images[2]}],
    )
    report = import_vectors(store, tmp_path / "v.npy")
    assert report.added == 1
    missing, text = report.failed
    assert (missing.path, missing.reason) == (str(tmp_path / "missing.jpg"), "no such file")
    assert text.path == str(tmp_path / "text.jpg")
    assert text.reason.startswith("not an image")
    ((record, rows),) = store.iter_records()
    assert record.path == str(images[2])
    assert_array_equal(rows, matrix()[2:])


def exported(folder: Path) -> Path:
    """A catalogue of three images in each of the forms."""
    ours = SqliteStore.create(folder / "ours.db", RECIPE)
    ours.write(
        [
            Entry(Record(key_of(bytes([n]) * 32), bytes([n]) * 32, 1, 1, 1), row[None])
            for n, row in enumerate(matrix())
        ]
    )
    for name in ("v.npy", "v.parquet", "v"):
        export_vectors(ours, folder / name)
    ours.close()
    return folder


def edited(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def cut(name: str, by: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-by])


def saved(name: str, array: Any) -> Change:
    return lambda folder: np.save(folder / name, array)


def cells(**values: Any) -> Change:
    """The first line of the table with other cells."""

    def change(folder: Path) -> None:
        with (folder / "v.csv").open(newline="") as file:
            lines: list[dict[str, Any]] = list(csv.DictReader(file))
        lines[0].update(values)
        table(folder / "v.csv", lines)

    return change


def columns(change: Callable[[pa.Table], pa.Table]) -> Change:
    def rewrite(folder: Path) -> None:
        whole = parquet.read_table(folder / "v.parquet")
        parquet.write_table(change(whole), folder / "v.parquet")

    return rewrite


def spoilt(value: float) -> np.ndarray[Any, Any]:
    array = matrix()
    array[2, 1] = value
    return array


FIRST = f"{key_of(bytes(32)):016x}.npy"
HOLDERS = {
    "v.npy": "v.npy",
    "v.csv": "v.npy",
    "v.json": "v.npy",
    "v.parquet": "v.parquet",
    "v/index.csv": "v",
    f"v/{FIRST}": "v",
}
DEEP = "[" * 100_000
FAULTS: dict[str, tuple[str, Change, str]] = {
    "a truncated matrix": ("v.npy", cut("v.npy", 1), "v.npy: mmap length"),
    "a matrix without a head": ("v.npy", cut("v.npy", 150), "v.npy: "),
    "an empty matrix file": ("v.npy", lambda f: (f / "v.npy").write_bytes(b""), "v.npy: "),
    "pickled objects": ("v.npy", saved("v.npy", np.array([{}])), "Python objects"),
    "a pickle": ("v.npy", lambda f: (f / "v.npy").write_bytes(pickle.dumps([1])), "v.npy: "),
    "too few columns": ("v.npy", saved("v.npy", matrix()[:, 1:]), r"float32 \(3, 3\), but.*4\)"),
    "one dimension": ("v.npy", saved("v.npy", np.zeros(3, np.float32)), r"contains float32 \(3,\)"),
    "float64": ("v.npy", saved("v.npy", matrix().astype(np.float64)), "contains float64"),
    "the other byte order": ("v.npy", saved("v.npy", matrix().astype(">f4")), "contains >f4"),
    "a NaN": ("v.npy", saved("v.npy", spoilt(np.nan)), "line 4: .*not finite"),
    "an infinity": ("v.npy", saved("v.npy", spoilt(-np.inf)), "line 4: .*not finite"),
    "too few rows": ("v.npy", saved("v.npy", matrix(2)), "lines for 3 rows, v.npy has 2"),
    "too many rows": ("v.npy", saved("v.npy", matrix(4)), "lines for 3 rows, v.npy has 4"),
    "no table": ("v.npy", lambda f: (f / "v.csv").unlink(), "v.csv: No such file"),
    "an empty table": ("v.npy", lambda f: (f / "v.csv").write_text(""), "no column 'path'"),
    "a table of something else": ("v.npy", edited("v.csv", '"path"', '"x"'), "no column 'path'"),
    "a table that is binary": ("v.npy", lambda f: (f / "v.csv").write_bytes(b"\xff\0"), "v.csv"),
    "a quote that never ends": (
        "v.npy",
        lambda f: (f / "v.csv").write_text('path\n"' + "x\n" * 2**24),
        "v.csv: field larger",
    ),
    "a cell too many": ("v.npy", edited("v.csv", ",0\n", ",0,1\n"), "line 2: .*cells"),
    "lines in another order": ("v.npy", edited("v.csv", ",0\n", ",1\n"), "line 2: .*order"),
    "a sha256 too short": ("v.npy", cells(sha256="00"), "line 2: its sha256"),
    "a sha256 that is none": ("v.npy", cells(sha256="x" * 64), "line 2: .*hex"),
    "another id": ("v.npy", cells(id="1" * 16), "line 2: its id"),
    "half an image": ("v.npy", cells(width="1.5"), "line 2: its width"),
    "a huge number": ("v.npy", cells(size=2**63), "line 2: its size"),
    "a number of many digits": ("v.npy", cells(size="9" * 5000), "line 2: its size"),
    "a negative number": ("v.npy", cells(height=-1), "line 2: its height"),
    "a path with a NUL": ("v.npy", cells(path="a\0b"), "line 2: its path"),
    "no path and no content": ("v.npy", cells(sha256=""), "line 2: it has no path"),
    "metadata that is no JSON": ("v.npy", cells(metadata="{"), "line 2: "),
    "metadata that is a list": ("v.npy", cells(metadata="[]"), "line 2: its metadata"),
    "metadata that is too deep": ("v.npy", cells(metadata=DEEP), "line 2: .*deep"),
    "metadata that is no number": ("v.npy", cells(metadata='{"a": NaN}'), "line 2: metadata"),
    "metadata that is no UTF-8": ("v.npy", cells(metadata='{"a": "\\ud800"}'), "line 2: metadata"),
    "places that are none": ("v.npy", cells(path="/a", also='["/b"]'), "line 2: "),
    "a recipe that is none": (
        "v.npy",
        lambda f: (f / "v.json").write_text("[]"),
        "v.json does not contain",
    ),
    "a recipe too deep": (
        "v.npy",
        lambda f: (f / "v.json").write_text(DEEP),
        "v.json does not contain",
    ),
    "a file missing": ("v", lambda f: (f / "v" / FIRST).unlink(), "No such file"),
    "a file too short": ("v", cut(f"v/{FIRST}", 1), f"{FIRST}: mmap length"),
    "a file of NaN": ("v", saved(f"v/{FIRST}", np.full((1, 4), np.nan, "f4")), "line 2: .*finite"),
    "an id that climbs": ("v", edited("v/index.csv", '\n"0000', '\n"../0'), "line 2: its id"),
    "no index": ("v", lambda f: (f / "v" / "index.csv").unlink(), "index.csv: No such file"),
    "truncated Parquet": ("v.parquet", cut("v.parquet", 9), "v.parquet: "),
    "no Parquet": ("v.parquet", lambda f: (f / "v.parquet").write_bytes(b"PAR1"), "v.parquet: "),
    "no vectors": ("v.parquet", columns(lambda t: t.drop_columns(["vector"])), "column 'vector'"),
    "vectors of another kind": (
        "v.parquet",
        columns(lambda t: t.set_column(9, "vector", pa.array([[1.0]] * 3))),
        "column 'vector'",
    ),
    "numbers missing": (
        "v.parquet",
        columns(
            lambda t: t.set_column(
                9, "vector", pa.array([[1, 2, 3, None]] * 3, pa.list_(pa.float32(), 4))
            )
        ),
        "values are missing",
    ),
    "text for a number": (
        "v.parquet",
        columns(lambda t: t.set_column(4, "size", pa.array(["many"] * 3))),
        "row 1: its size",
    ),
    "another ending": ("v.csv", lambda _: None, r"\.npy, \.parquet or \.fiftyone"),
    "nothing there": ("w.npy", lambda _: None, "w.npy does not exist"),
}


@pytest.mark.parametrize(("name", "fault", "said"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_said_before_anything_is_written(
    tmp_path: Path, store: SqliteStore, name: str, fault: Change, said: str
) -> None:
    fault(exported(tmp_path))
    with pytest.raises(ExchangeError, match=said) as caught:
        import_vectors(store, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert len(store) == 0


@pytest.mark.parametrize("name", ["v.npy", "v.parquet", "v"])
def test_vectors_of_another_encoder_are_refused(tmp_path: Path, name: str) -> None:
    exported(tmp_path)
    other = SqliteStore.create(tmp_path / "c.db", Recipe("theirs", {}, DIM, "cosine"))
    with pytest.raises(RecipeMismatch, match=r"made with theirs, but the vectors in v.* with mine"):
        import_vectors(other, tmp_path / name)
    assert len(other) == 0


@pytest.mark.parametrize("rows", [4, 10**13, 2**62, 10**30, -1, "3", None])
@pytest.mark.parametrize(("name", "file"), [("v.npy", "v.npy"), ("v", f"v/{FIRST}")])
def test_a_head_that_lies_asks_for_no_memory(
    tmp_path: Path, store: SqliteStore, name: str, file: str, rows: Any
) -> None:
    exported(tmp_path)
    with (tmp_path / file).open("wb") as lying:
        about = {"descr": "<f4", "fortran_order": False, "shape": (rows, DIM)}
        npy.write_array_header_1_0(lying, about)
        lying.write(matrix().tobytes())
    with pytest.raises(ExchangeError):
        import_vectors(store, tmp_path / name)


def test_whatever_is_damaged_is_said(tmp_path: Path) -> None:
    exported(tmp_path)
    rng = np.random.default_rng(0)
    for name, holder in HOLDERS.items():
        whole = (tmp_path / name).read_bytes()
        for _ in range(100):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 3):
                damaged[place] = rng.integers(0, 256)
            (tmp_path / name).write_bytes(damaged)
            with suppress(ExchangeError, RecipeMismatch):  # or nothing that matters was hit
                check(vector_file(tmp_path / holder), RECIPE)
        (tmp_path / name).write_bytes(whole)


@pytest.mark.parametrize("name", ["v.npy", "v.parquet", "v"])
def test_what_is_there_is_replaced_only_if_forced(tmp_path: Path, name: str) -> None:
    exported(tmp_path)
    with Finder.create(tmp_path / "c.db", "dhash") as finder:
        finder.add(draw_scene("harbour"))
        with pytest.raises(ExchangeError, match=r"already exists?: --force"):
            finder.export_vectors(tmp_path / name)
        assert vector_file(tmp_path / name).recipe == RECIPE
        assert finder.export_vectors(tmp_path / name, force=True) == 1
        assert len(list(vector_file(tmp_path / name).read(finder.recipe))) == 1
    assert not list(tmp_path.glob(".*")), "nothing temporary is left"


def _with_column(path: Path, name: str, values: Any) -> None:
    whole = parquet.read_table(path)
    index = whole.schema.get_field_index(name)
    changed = whole.set_column(index, name, values)
    parquet.write_table(changed.replace_schema_metadata(whole.schema.metadata), path)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("path", pa.array([b"\xff"] * 3), "its column 'path' is of type binary"),
        ("metadata", pa.array([[["x"]]] * 3), "its column 'metadata' is of type list"),
        ("metadata", pa.array([1, 2, 3]), "its column 'metadata' is of type int64"),
        ("sha256", pa.array([True] * 3), "its column 'sha256' is of type bool"),
        ("metadata", pa.array(["x" * 999] * 3), "cells of more than"),
        ("metadata", pa.array(["{}", "{}", "x" * 999]), "cells of more than"),
        ("metadata", pa.array(["x" * 999] * 3).dictionary_encode(), "cells of more than"),
    ],
)
def test_a_column_of_another_kind_is_refused(
    tmp_path: Path,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    values: Any,
    said: str,
) -> None:
    monkeypatch.setattr("imagefinder.catalogue.vector_files.parquet.LONGEST_CELL", 400)
    exported(tmp_path)
    _with_column(tmp_path / "v.parquet", name, values)
    with pytest.raises(ExchangeError, match=said):
        import_vectors(store, tmp_path / "v.parquet")


def test_texts_are_read_whatever_their_encoding(tmp_path: Path, store: SqliteStore) -> None:
    exported(tmp_path)
    for kind in (pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        _with_column(tmp_path / "v.parquet", "metadata", pa.array(['{"a": 1}'] * 3).cast(kind))
        import_vectors(store, tmp_path / "v.parquet")
        assert all(record.metadata == {"a": 1} for record, _ in store.iter_records())


def test_all_files_in_the_way_are_named(tmp_path: Path, store: SqliteStore) -> None:
    for name in ("v.csv", "v.json"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ExchangeError, match=r"v\.csv and .*v\.json already exist: --force"):
        export_vectors(store, tmp_path / "v.npy")
    assert (tmp_path / "v.csv").read_text() == "mine"
    (tmp_path / "v.csv").unlink()
    (tmp_path / "v.csv").mkdir()
    with pytest.raises(ExchangeError, match=r"v\.csv contains other files"):
        export_vectors(store, tmp_path / "v.npy", force=True)


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("is_first", "last"),  # a first export renames three files, another takes three away as well
    [*((True, number) for number in range(3)), *((False, number) for number in range(6))],
)
def test_an_export_that_cannot_be_published_changes_nothing(
    tmp_path: Path,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    is_first: bool,
    last: int,
) -> None:
    if not is_first:
        exported(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.glob("v.*")}
    renamed = 0

    def replace(new: Path, old: Path) -> None:
        nonlocal renamed
        renamed += 1
        if renamed == last + 1:
            raise error
        new.rename(old)

    monkeypatch.setattr("imagefinder.catalogue.vector_files.export.os.replace", replace)
    with pytest.raises(type(error)):
        export_vectors(store, tmp_path / "v.npy", force=True)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("v.*")} == before
    assert not list(tmp_path.glob(".*-v.npy"))


def test_what_a_killed_export_left_is_taken_away(tmp_path: Path, store: SqliteStore) -> None:
    abandoned, other = (tmp_path / f".12-0123abcd-{name}" for name in ("v.npy", "w.npy"))
    for folder in (abandoned, other):
        folder.mkdir()
        (folder / "v.npy").touch()
    with temporary_folder(tmp_path / "v.npy") as living:
        export_vectors(store, tmp_path / "v.npy")
        assert living.exists()
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {other.name}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("-1000", -1000),
        (str(10**30), 2**63 - 1),
        (str(-(10**25)), -(2**63)),
        ("1.5e18", 15 * 10**17),
        ("", 0),
    ],
)
def test_any_modification_time_is_taken(
    tmp_path: Path, store: SqliteStore, given: str, taken: int
) -> None:
    exported(tmp_path)
    with (tmp_path / "v.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    table(tmp_path / "v.csv", [{**line, "path": "a.jpg", "mtime_ns": given} for line in lines[:1]])
    np.save(tmp_path / "v.npy", matrix(1))
    import_vectors(store, tmp_path / "v.npy")
    ((record, _),) = store.iter_records()
    assert record.files == (File(str(tmp_path / "a.jpg"), taken, "imported"),)


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path, store: SqliteStore) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"precious")
    with pytest.raises(ExchangeError, match="other files"):
        export_vectors(store, tmp_path / "holiday", force=True)
    assert (tmp_path / "holiday" / "beach.jpg").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["v.npy", "v.parquet", "v"])
def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    exported(tmp_path)

    class Failing(SqliteStore):
        def iter_records(self) -> Any:
            yield from list(super().iter_records())[:1]
            raise OSError("the disk is gone")

    failing = Failing.open(tmp_path / "ours.db")
    before = {file: file.read_bytes() for file in tmp_path.rglob("v*") if file.is_file()}
    with pytest.raises(OSError, match="the disk is gone"):
        export_vectors(failing, tmp_path / name, force=True)
    failing.close()
    assert {file: file.read_bytes() for file in before} == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("no/where.npy", "does not exist"), ("v.txt", r"\.npy, \.parquet or \.fiftyone")],
)
def test_a_place_that_cannot_be_is_said(
    tmp_path: Path, store: SqliteStore, name: str, said: str
) -> None:
    with pytest.raises(ExchangeError, match=said):
        export_vectors(store, tmp_path / name)
    with pytest.raises(NotFound):
        export_vectors(store, "")


def test_a_missing_library_is_said_with_the_remedy(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'imagefinder\[parquet\]'"):
        export_vectors(store, tmp_path / "v.parquet")
    assert not (tmp_path / "v.parquet").exists()


def test_a_finder_searches_what_it_imported(tmp_path: Path, images: list[Path]) -> None:
    with Finder.create(tmp_path / "one.db", DHash()) as one:
        one.add(images)
        assert one.export_vectors(tmp_path / "v.npy") == 3
        recipe = json.loads((tmp_path / "v.json").read_text())
        assert recipe["encoder"] == "dhash"
    with Finder.create(tmp_path / "two.db", DHash()) as two:
        assert two.import_vectors(tmp_path / "v.npy").added == 3
        assert two.search(images[1], 1)[0].path == str(images[1])
        assert two.add(images).unchanged == 3, "the files are as they were"


def test_a_hidden_folder_with_a_date_in_its_name_is_not_taken_for_a_temporary_one(
    tmp_path: Path,
) -> None:
    mine = tmp_path / ".2026-20261127-v.npy"
    mine.mkdir()
    with temporary_folder(tmp_path / "v.npy"):
        assert mine.is_dir()
