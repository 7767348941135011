"""What a cluster searches with: hostile tables and names cost their own rows alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imagefinder.cluster.queries import queries_of
from imagefinder.errors import DownloadError
from imagefinder.images.remote_files import RemoteFile
from imagefinder.images.walk import FolderWalk

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "queries.parquet"


def asked(path: str | Path) -> list[tuple[str, str | None]]:
    """Names, and why they cannot be searched with."""
    return [(one.given.name, one.failure) for one in queries_of([path], FolderWalk())]


def test_a_row_without_a_path_is_a_failure_of_its_own(table: Path) -> None:
    parquet.write_table(pa.table({"path": [None, "/a.png", "", "s3://bucket/b.png"]}), table)
    assert asked(table) == [
        (f"{table}/row 1", "no path, but nothing"),
        ("/a.png", None),
        (f"{table}/row 3", "no path, but nothing"),
        ("s3://bucket/b.png", None),
    ]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (7, "no path, but 7"),
        ([1.0, 2.0], "no path, but a list"),
        ({"bytes": b"x" * 99, "path": "a.png"}, "no path, but an object"),
        (None, "no path, but nothing"),
    ],
)
def test_cells_of_other_kinds(table: Path, cell: Any, reason: str) -> None:
    parquet.write_table(pa.table({"image": [cell]}), table)
    assert asked(table) == [(f"{table}/row 1", reason)]


def test_text_that_is_not_utf8(table: Path) -> None:
    wrong = pa.array([b"/\xff.png", b"/a.png"]).cast(pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"path": wrong}), table)
    (_, reason), good = asked(table)
    assert reason is not None
    assert reason.startswith("row 1, column 'path': ")
    assert good == ("/a.png", None)


def test_an_address_of_the_web_is_not_taken_for_a_file(table: Path) -> None:
    parquet.write_table(pa.table({"url": ["https://example.com/a.png"]}), table)
    assert asked(table) == [
        (
            "https://example.com/a.png",
            "it is on the web: fetch such images by imagefinder download",
        )
    ]


def test_a_file_whose_name_is_not_utf8(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.png")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    assert asked(tmp_path) == [
        (f"{tmp_path}/\\udcff.png", "its name is not UTF-8, so no table can hold it")
    ]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"name": ["a"]}, r"queries\.parquet names no images: give a column path, image, url"),
        ({"path": [b"a"]}, "names no images"),
        ({"path": pa.array([], pa.string())}, "has no rows"),
        ({}, "has no rows"),
    ],
)
def test_tables_that_name_no_images(table: Path, columns: dict[str, Any], said: str) -> None:
    parquet.write_table(pa.table(columns), table)
    with pytest.raises(DownloadError, match=said):
        asked(table)


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1" + b"\0" * 99 + b"PAR1"])
def test_what_is_no_table(table: Path, content: bytes) -> None:
    table.write_bytes(content)
    with pytest.raises(DownloadError, match=r"queries\.parquet: "):
        asked(table)


def test_a_table_that_is_missing(table: Path) -> None:
    with pytest.raises(DownloadError, match="No such file"):
        asked(table)


def test_objects_are_read_as_such(table: Path) -> None:
    parquet.write_table(pa.table({"path": ["S3://bucket/b.png"]}), table)
    (query,) = queries_of([table], FolderWalk())
    assert isinstance(query.given.content, RemoteFile)
