"""Exports with images are datasets: other programs read them, and a catalogue takes them back."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from imagefinder import Finder
from imagefinder.downloads import download
from imagefinder.errors import ExchangeError
from imagefinder.testing.gallery import SCENES, draw_scene


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images, of which one has two items; another's file is gone since."""
    folder = tmp_path_factory.mktemp("catalogue")
    for scene in SCENES[:3]:
        draw_scene(scene).resize((60, 45)).save(folder / f"{scene}.png")
    with Finder.create(folder / "c.db", "phash") as finder:
        first, second, third = sorted(folder.glob("*.png"))
        finder.add([first, third], metadata={"year": 2024, "tags": ["a", "b"]})
        finder.add([second, second], metadata=[{"price": 1}, {"price": 2}], items=["17", "18"])
        third.unlink()
    return folder / "c.db"


@pytest.fixture
def exported(catalogue: Path, tmp_path: Path) -> Path:
    with Finder.open(catalogue) as finder:
        assert finder.export_vectors(tmp_path / "set.parquet", images=True) == 3
    return tmp_path / "set.parquet"


def test_a_missing_file_leaves_an_empty_cell(
    catalogue: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Finder.open(catalogue) as finder:
        finder.export_vectors(tmp_path / "set.parquet", images=True)
    assert [record.getMessage().partition(" is exported ")[2] for record in caplog.records] == [
        "without its image: no such file"
    ]
    table = pq.read_table(tmp_path / "set.parquet")
    assert sum(image is None for image in table.column("image").to_pylist()) == 1


def test_only_a_table_holds_images(catalogue: Path, tmp_path: Path) -> None:
    with (
        Finder.open(catalogue) as finder,
        pytest.raises(ExchangeError, match=r"only exported to NAME\.parquet"),
    ):
        finder.export_vectors(tmp_path / "set.npy", images=True)
    assert not any(tmp_path.iterdir())


def test_it_can_be_imported_as_without_images(exported: Path, tmp_path: Path) -> None:
    with Finder.create(tmp_path / "new.db", "phash") as finder:
        assert finder.import_vectors(exported).added == 3


def test_another_catalogue_takes_images_and_metadata(exported: Path, tmp_path: Path) -> None:
    summary = download(exported, tmp_path / "images")
    with Finder.create(tmp_path / "new.db", "dhash") as finder:
        assert finder.add(summary.inputs()).added == 2
        found = {json.dumps([dict(i.metadata) for i in r.items]) for r in finder.page(most=9)}
    names = [f"{scene}.png" for scene in sorted(SCENES[:3])]
    assert found == {
        json.dumps([{"year": 2024, "tags": ["a", "b"], "image": names[0]}]),
        json.dumps([{"price": 1, "image": names[1]}, {"price": 2, "image": names[1]}]),
    }


def test_the_library_datasets_reads_and_writes_it(exported: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    datasets.disable_progress_bars()
    found = datasets.Dataset.from_parquet(str(exported), cache_dir=str(tmp_path / "cache"))
    assert found.features["image"] == datasets.Image()
    assert found.features["vector"].length == 8
    images: list[Any] = [row["image"] for row in found if row["image"] is not None]
    assert [image.size for image in images] == [(60, 45)] * 2
    labeled = found.filter(lambda row: row["image"] is not None).add_column("kind", [0, 1])
    labeled = labeled.cast_column("kind", datasets.ClassLabel(names=["cat", "dog"]))
    labeled.save_to_disk(str(tmp_path / "saved"))
    summary = download(tmp_path / "saved", tmp_path / "images")
    assert (summary.rows, summary.images) == (2, 2)
    assert {one.first_metadata["kind"] for one in summary.inputs()} == {"cat", "dog"}


def test_duckdb_reads_its_vectors_and_metadata(catalogue: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    with Finder.open(catalogue) as finder:
        finder.export_vectors(tmp_path / "v.parquet")
        rows = np.concatenate([features for _, features in finder.store.iter_records()])
    found = duckdb.sql(
        f"SELECT vector FROM '{tmp_path / 'v.parquet'}' WHERE (metadata ->> '$.year')::INT > 2000"
    ).fetchall()
    assert len(found) == 2
    assert all(any((row == vector).all() for row in rows) for (vector,) in found)
