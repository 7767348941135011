"""Hostile lists: memory and time are bounded, and a bad cell costs its row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from imagefinder.downloads import table_row
from imagefinder.downloads.list_row import ListRow
from imagefinder.downloads.table_row import MOST_CELL, MOST_ROW
from imagefinder.downloads.url_list import open_list
from imagefinder.errors import DownloadError

A = "http://h.example/a.jpg"
LONG = "a" * (MOST_CELL + 1)


def read(path: Path) -> list[ListRow]:
    return list(open_list(path, None))


def shape(path: Path) -> list[bool]:
    """Which rows cannot be used."""
    return [row.problem is not None for row in read(path)]


def stored(path: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(columns), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", f'image,t\n{A},x\n{A},"{LONG}"\n{A},y\n'),
        ("a.csv", f"image,t\n{A},x\n{A},{'b' * MOST_ROW}\n{A},y\n"),
        ("a.csv", f"image,t\n{A},x\n" + "," * MOST_ROW + f"\n{A},y\n"),
        ("a.jsonl", f'{{"image": "{A}"}}\n{{"t": "{"c" * MOST_ROW}"}}\n{{"image": "{A}"}}\n'),
        ("a.jsonl", f'{{"image": "{A}"}}\n' + "[" * 100_000 + f'\n{{"image": "{A}"}}\n'),
        ("a.jsonl", f'{{"image": "{A}"}}\n{{"t": {"[" * 700}{"]" * 700}}}\n{{"image": "{A}"}}\n'),
        ("a.jsonl", f'{{"image": "{A}"}}\n{{"t": {"9" * 5000}}}\n{{"image": "{A}"}}\n'),
    ],
)
def test_a_cell_or_line_without_end_costs_its_row(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert shape(tmp_path / name) == [False, True, False]


def test_a_quote_that_is_never_closed_does_not_take_the_list(tmp_path: Path) -> None:
    lines = "b\n" * (MOST_CELL // 2 + 10)
    (tmp_path / "a.csv").write_text(f'image\n{A}\n"{lines}{A}\n')
    rows = read(tmp_path / "a.csv")
    assert [row.url for row in rows if row.url == A] == [A, A]
    assert any("is a quote open?" in (row.problem or "") for row in rows)


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image," + "c," * MOST_ROW)
    with pytest.raises(DownloadError, match="header cannot be read: line 1 is longer"):
        read(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("image," + "c," * 20_000 + f"\n{A},x\n")
    with pytest.raises(DownloadError, match="20,002 columns"):
        read(tmp_path / "b.csv")


def test_names_of_columns_are_made_different_in_no_time() -> None:
    names = table_row.unique_names(["a"] * 10_000)
    assert (len(set(names)), names[-1]) == (10_000, "a (10000)")
    assert table_row.unique_names(["a", "a (2)", "a", ""]) == ["a", "a (2)", "a (3)", "column 4"]


def _dictionary(text: str) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0, 1] * 500, pa.int32()), pa.array([text, "b"]))


@pytest.mark.parametrize(
    "column",
    [
        lambda: _dictionary("a" * 5_000_000),
        lambda: pa.array([[LONG] * 3, ["b"]] * 5),
        lambda: pa.array([{"a": {"b": [LONG]}}, None] * 5),
        lambda: pa.array([[("k", LONG)], []] * 5, pa.map_(pa.string(), pa.string())),
    ],
)
def test_a_small_parquet_file_that_unpacks_to_gigabytes(
    tmp_path: Path, column: Callable[[], pa.Array]
) -> None:
    cells = column()
    path = stored(tmp_path / "a.parquet", image=[A] * len(cells), t=cells)
    assert path.stat().st_size < 50_000
    assert shape(path) == [True, False] * (len(cells) // 2)
    assert "but a cell may have" in (read(path)[0].problem or "")


@pytest.mark.parametrize(
    "column",
    [
        lambda: pa.array(["a" * 1_000_000 + str(number) for number in range(70)]),
        lambda: pa.ListArray.from_arrays([0] + [20_000_000] * 70, pa.nulls(20_000_000, pa.int8())),
    ],
)
def test_a_column_that_would_unpack_to_too_much_is_refused(
    tmp_path: Path, column: Callable[[], pa.Array]
) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"image": [A] * 70, "t": column()})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    with pytest.raises(DownloadError, match="would unpack"):
        read(path)


def test_times_that_python_cannot_hold_are_texts_or_cost_their_row(tmp_path: Path) -> None:
    path = stored(
        tmp_path / "a.parquet",
        image=[A] * 3,
        ns=pa.array([1_700_000_000_123_456_789, 0, None], pa.timestamp("ns")),
        us=pa.array([0, 2**62, None], pa.timestamp("us")),
        nested=pa.array([None, None, {"a": 1}], pa.struct([("a", pa.time64("ns"))])),
    )
    first, second, third = read(path)
    assert first.problem is None
    assert "column 'us': its time is out of range" in (second.problem or "")
    assert third.problem is None or "column 'nested'" in third.problem


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    times = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    (row,) = read(stored(tmp_path / "a.parquet", image=[A], t=times))
    assert row.metadata["t"] == "2023-11-14 22:13:20.123456789"


def test_a_text_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    data = pa.py_buffer(b"\xff\xfeok")
    offsets = pa.py_buffer(pa.array([0, 2, 4], pa.int32()).buffers()[1])
    texts = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    assert shape(stored(tmp_path / "a.parquet", image=[A] * 2, t=texts)) == [True, False]


def test_two_columns_of_one_name_in_parquet(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([A]), pa.array(["b"])], names=["image", "image"])
    parquet.write_table(table, tmp_path / "a.parquet")
    (row,) = read(tmp_path / "a.parquet")
    assert row.metadata == {"image": A, "image (2)": "b"}
