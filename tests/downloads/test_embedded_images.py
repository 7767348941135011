"""Datasets that have the images themselves: their rows become images with metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagefinder.downloads import count_urls, download, is_list
from imagefinder.downloads.embedded_images import EmbeddedImages
from imagefinder.downloads.url_list import open_list
from imagefinder.errors import DownloadError
from imagefinder.testing.gallery import SCENES, draw_scene

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("scenes")
    for scene in SCENES[:3]:
        draw_scene(scene).resize((60, 45)).save(folder / f"{scene}.png")
    return sorted(folder.iterdir())


def cell(file: Path) -> dict[str, Any]:
    return {"bytes": file.read_bytes(), "path": file.name}


def write(path: Path, images: list[Any], kind: pa.DataType = IMAGE, **columns: Any) -> Path:
    table = pa.table({"image": pa.array(images, kind), **columns})
    if "label" in columns:
        features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    pq.write_table(table, path)
    return path


def metadata(folder: Path, summary: Any) -> dict[str, Any]:
    return {
        input_.first_metadata["image"]: dict(input_.first_metadata) for input_ in summary.inputs()
    }


def test_each_row_becomes_a_file_with_its_metadata(tmp_path: Path, files: list[Path]) -> None:
    vectors = pa.array([[0.5] * 4] * 3, pa.list_(pa.float32()))
    source = write(
        tmp_path / "a.parquet",
        [*map(cell, files)],
        label=[0, 1, 1],
        title=["x", "y", "z"],
        vector=vectors,
    )
    summary = download(source, tmp_path / "images")
    assert (summary.done, summary.images, summary.failed, summary.embedded) == (3, 3, {}, True)
    assert metadata(tmp_path, summary)[files[0].name] == {
        "label": "cat",
        "title": "x",
        "image": files[0].name,
    }
    kept = [Path(str(one.path)).read_bytes() for one in summary.inputs()]
    assert kept == [file.read_bytes() for file in files]


def test_a_second_run_writes_nothing_anew(tmp_path: Path, files: list[Path]) -> None:
    source = write(tmp_path / "a.parquet", [*map(cell, files)])
    seen: list[bool] = []
    first = download(source, tmp_path / "images")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "images").rglob("*.png")}
    again = download(source, tmp_path / "images", progress=seen.append)
    assert seen == [True] * 3
    assert (again.done, again.images) == (first.done, first.images)
    assert before == {file: file.stat().st_mtime_ns for file in before}


def test_one_bad_row_stops_nothing(tmp_path: Path, files: list[Path]) -> None:
    rows = [cell(files[0]), {"bytes": b"no image", "path": "x"}, None, {"path": "gone.png"}]
    summary = download(write(tmp_path / "a.parquet", rows), tmp_path / "images")
    assert (summary.rows, summary.done, summary.empty) == (4, 1, 1)
    assert summary.failed == {"not-an-image": 1, "bad-row": 1}
    assert summary.unusable == "row 4: gone.png: no such file"


def test_paths_are_read_beside_the_dataset(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "one.png").write_bytes(files[0].read_bytes())
    source = write(tmp_path / "a.parquet", [{"path": "one.png"}])
    assert download(source, tmp_path / "images").done == 1


def test_a_column_of_bytes_is_one_of_images_by_its_content(
    tmp_path: Path, files: list[Path]
) -> None:
    content = [file.read_bytes() for file in files]
    source = write(tmp_path / "a.parquet", content, pa.binary(), key=[b"a", b"b", b"c"])
    found = open_list(source, None)
    assert isinstance(found, EmbeddedImages)
    assert (found.column, found.count()) == ("image", 3)
    assert count_urls(source) == 3
    urls = pa.array(["https://example.com/a.jpg"] * 3)
    write(tmp_path / "b.parquet", [b"1", b"2", b"3"], pa.binary(), url=urls)
    assert open_list(tmp_path / "b.parquet", None).column == "url"


def test_images_are_limited_as_downloads_are(tmp_path: Path, files: list[Path]) -> None:
    from imagefinder.downloads import DownloadSettings, FetchLimits

    source = write(tmp_path / "a.parquet", [cell(files[0])])
    small = DownloadSettings(limits=FetchLimits(max_bytes=100))
    assert download(source, tmp_path / "images", settings=small).failed == {"too-large": 1}
    large = DownloadSettings(min_side=1000)
    assert download(source, tmp_path / "images", settings=large).failed == {"too-small": 1}
    assert download(source, tmp_path / "images").done == 1


def save(folder: Path, images: list[Any]) -> None:
    """As the library ``datasets`` does."""
    folder.mkdir()
    table = pa.table({"image": pa.array(images, IMAGE)})
    with (
        pa.OSFile(str(folder / "data-0.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as writer,
    ):
        writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-0.arrow"}]}))


def test_a_saved_dataset_is_a_list(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "both").mkdir()
    save(tmp_path / "both" / "train", [*map(cell, files)])
    save(tmp_path / "both" / "test", [cell(files[0])])
    (tmp_path / "both" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert is_list(tmp_path / "both")
    assert not is_list(tmp_path)
    summary = download(tmp_path / "both", tmp_path / "images")
    assert (summary.rows, summary.images) == (4, 3)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ('{"_data_files": [{"filename": "../a.arrow"}]}', "which is not in it"),
        ('{"_data_files": [{"filename": "data-0.arrow"}, {"filename": 3}]}', "which is not in it"),
        ('{"_data_files": []}', "without any files"),
        ('{"_data_files": [{"filename": "missing.arrow"}]}', "missing.arrow"),
        ("[1]", "not that of a dataset"),
        ("{", "Expecting property name"),
        ("{}", "_data_files"),
    ],
)
def test_a_damaged_dataset_is_said_to_be(
    tmp_path: Path, files: list[Path], state: str, message: str
) -> None:
    save(tmp_path / "saved", [cell(files[0])])
    (tmp_path / "saved" / "state.json").write_text(state)
    with pytest.raises(DownloadError, match=message):
        download(tmp_path / "saved", tmp_path / "images")


def test_a_truncated_file_is_an_error(tmp_path: Path, files: list[Path]) -> None:
    save(tmp_path / "saved", [*map(cell, files)])
    data = tmp_path / "saved" / "data-0.arrow"
    data.write_bytes(data.read_bytes()[:2000])
    with pytest.raises(DownloadError, match="saved"):
        download(tmp_path / "saved", tmp_path / "images")


def test_a_dataset_without_images_names_its_columns(tmp_path: Path) -> None:
    save(tmp_path / "saved", [None])
    with pytest.raises(DownloadError, match="without a column of images; it has: image"):
        download(tmp_path / "saved", tmp_path / "images")


def test_a_false_export_costs_only_its_rows(tmp_path: Path, files: list[Path]) -> None:
    texts = ["{", "3", '{"a": 1}']
    table = pa.table({"image": pa.array([*map(cell, files)], IMAGE), "metadata": texts})
    pq.write_table(
        table.replace_schema_metadata({"imagefinder.recipe": "x"}), tmp_path / "a.parquet"
    )
    summary = download(tmp_path / "a.parquet", tmp_path / "images")
    assert (summary.done, summary.failed) == (1, {"bad-row": 2})
    assert metadata(tmp_path, summary) == {files[2].name: {"a": 1, "image": files[2].name}}
