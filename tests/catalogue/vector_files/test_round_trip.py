"""What goes out comes back as it was, in every form."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from imagefinder.catalogue.vector_files import export_vectors, import_vectors, vector_file
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Entry, Features, File, Measure, Recipe, Record, key_of

NAMES = ("vectors.npy", "vectors.parquet", "vectors")
DIM = 8
Make = Callable[..., SqliteStore]


def recipe(measure: Measure = "cosine") -> Recipe:
    return Recipe("test", {"size": 3}, DIM, measure, {"path": "/somewhere"})


def record(name: str, *paths: str, metadata: Mapping[str, Any] | None = None) -> Record:
    sha256 = hashlib.sha256(name.encode()).digest()
    # as it is after an import, so that what comes back is equal
    numbered = enumerate(sorted(paths))
    files = tuple(File(path, 10**18 + number, "imported") for number, path in numbered)
    return Record(key_of(sha256), sha256, 10, 4, 3, files, metadata or {})


def rows(seed: int, number: int = 1, measure: Measure = "cosine") -> Features:
    rng = np.random.default_rng(seed)
    if measure == "hamming":
        return rng.integers(0, 256, (number, DIM), np.uint8)
    return rng.standard_normal((number, DIM)).astype(np.float32)


def entry(record: Record, features: Features) -> Entry:
    return Entry(record, features, record.metadata)


def all_of(store: SqliteStore) -> list[tuple[Record, bytes, tuple[int, ...]]]:
    return [(record, rows.tobytes(), rows.shape) for record, rows in store.iter_records()]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    numbers = count()
    return lambda measure="cosine": SqliteStore.create(
        tmp_path / f"{next(numbers)}.db", recipe(measure)
    )


@pytest.mark.parametrize("measure", ["cosine", "hamming"])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_exported_comes_back_equal(
    tmp_path: Path, make: Make, name: str, measure: Measure
) -> None:
    ours, theirs = make(measure), make(measure)
    images = [
        record("plain", "/p/plain.jpg"),
        record("several places", "/p/a.jpg", "/q/with, comma.jpg", "/q/“ü”\n.jpg"),
        record("in memory", metadata={"title": 'Ça "va"', "tags": ["a", None], "year": 1.5}),
        record("many rows", "/p/many.jpg"),
        record("no rows", "/p/blank.jpg"),
    ]
    numbers = (1, 1, 1, 3, 0)
    ours.write(
        [
            entry(image, rows(seed, number, measure))
            for seed, (image, number) in enumerate(zip(images, numbers, strict=True))
        ]
    )
    assert export_vectors(ours, tmp_path / name) == 5
    assert vector_file(tmp_path / name).recipe == recipe(measure)
    report = import_vectors(theirs, tmp_path / name)
    assert (report.added, report.failed) == (5, ())
    assert all_of(theirs) == all_of(ours)
    again = import_vectors(theirs, tmp_path / name)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 5)
    assert all_of(theirs) == all_of(ours)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_catalogue_too(tmp_path: Path, make: Make, name: str) -> None:
    assert export_vectors(make(), tmp_path / name) == 0
    assert import_vectors(make(), tmp_path / name).done == 0


@pytest.mark.parametrize("name", NAMES)
def test_many_images_take_several_pages(tmp_path: Path, make: Make, name: str) -> None:
    ours, theirs = make(), make()
    ours.write([entry(record(f"{n}", f"/p/{n}"), rows(n, n % 20)) for n in range(600)])
    assert export_vectors(ours, tmp_path / name) == 600
    assert import_vectors(theirs, tmp_path / name).added == 600
    assert all_of(theirs) == all_of(ours)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
parts = texts.map(lambda text: "/p/" + text.replace("/", "") + "x")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", NAMES)
@given(
    paths=st.lists(parts, max_size=3, unique=True),
    metadata=st.dictionaries(texts, values, max_size=3),
)
def test_any_path_and_any_metadata_come_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, paths: list[str], metadata: dict[str, Any]
) -> None:
    place = vector_file(tmp_path_factory.mktemp("any") / name)
    image = record("any", *paths, metadata=metadata)
    place.write(recipe(), [(image, rows(0))])
    (back,) = place.read(recipe())
    assert back.about == image
    assert_array_equal(back.features, rows(0))


def test_the_matrix_and_its_table_are_plain_to_others(tmp_path: Path, make: Make) -> None:
    ours = make()
    ours.write([entry(record(f"{n}", f"/p/{n}.jpg"), rows(n)) for n in range(5)])
    export_vectors(ours, tmp_path / "vectors.npy")
    matrix = np.load(tmp_path / "vectors.npy", allow_pickle=False)
    with (tmp_path / "vectors.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert (matrix.shape, matrix.dtype) == ((5, DIM), np.float32)
    for line, vector, (image, features) in zip(lines, matrix, ours.iter_records(), strict=True):
        assert (line["id"], line["path"]) == (image.id, image.path)
        assert_array_equal(vector, features[0])
    assert json.loads((tmp_path / "vectors.json").read_text())["encoder"] == "test"


def test_a_parquet_file_is_plain_to_others(tmp_path: Path, make: Make) -> None:
    from pyarrow import parquet

    ours = make()
    ours.write([entry(record(f"{n}", f"/p/{n}.jpg"), rows(n)) for n in range(5)])
    export_vectors(ours, tmp_path / "vectors.parquet")
    table = parquet.read_table(tmp_path / "vectors.parquet").to_pydict()
    assert table["path"] == [image.path for image, _ in ours.iter_records()]
    assert_array_equal(
        np.array(table["vector"], np.float32), np.concatenate([f for _, f in ours.iter_records()])
    )


def test_an_import_adds_to_what_is_there_and_takes_nothing_away(tmp_path: Path, make: Make) -> None:
    ours, theirs = make(), make()
    old = record("old", "/p/a.jpg", "/p/old.jpg", metadata={"title": "ours"})
    ours.write([entry(old, rows(1)), entry(record("gone", "/p/b.jpg"), rows(2))])
    theirs.write(
        [
            entry(record("newer a", "/p/a.jpg", metadata={"title": "theirs"}), rows(3)),
            entry(record("newer b", "/p/b.jpg"), rows(4)),
        ]
    )
    before = all_of(theirs)
    export_vectors(ours, tmp_path / "vectors.npy")
    report = import_vectors(theirs, tmp_path / "vectors.npy")
    assert (report.added, [failure.path for failure in report.failed]) == (1, ["/p/b.jpg"])
    after = all_of(theirs)
    assert all(image in after for image in before)
    (came,) = theirs.get([old.key]).values()
    assert came == replace(old, files=old.files[1:])


def test_metadata_that_is_stored_outlives_an_import_without(tmp_path: Path, make: Make) -> None:
    ours, theirs = make(), make()
    ours.write([entry(record("one", "/p/1"), rows(1))])
    theirs.write([entry(record("one", "/p/1", metadata={"title": "kept"}), rows(1))])
    export_vectors(ours, tmp_path / "vectors.npy")
    assert import_vectors(theirs, tmp_path / "vectors.npy").unchanged == 1
    ((image, _),) = theirs.iter_records()
    assert image.metadata == {"title": "kept"}
