"""Datasets of FiftyOne: what it reads of ours, and what we read of its own."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from imagefinder import ExchangeError, Finder, RecipeMismatch, make_encoder
from imagefinder.catalogue.vector_files import vector_file
from imagefinder.catalogue.vector_files.extended_json import packed_array, unpacked_array
from imagefinder.types import Features, File

from ...conftest import drawn
from ...mean_color import Colours

DATASET = Path(__file__).parent / "fiftyone"
"""As FiftyOne itself has written it; see its README."""
Alter = Callable[[Any], None]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A catalogue of three images, one of them twice, and its export."""
    (tmp_path / "images").mkdir()
    for number in range(3):
        PIL.Image.fromarray(drawn(number)).save(tmp_path / "images" / f"{number}.png")
    shutil.copy(tmp_path / "images" / "0.png", tmp_path / "images" / "again.png")
    about = {"title": "größe", "price": 9, "words": ["a", "b"], "new": True, "save": "me", "x": {}}
    with Finder.create(tmp_path / "c.db", "classic") as finder:
        finder.add(tmp_path / "images", metadata=about)
        finder.add(tmp_path / "images" / "1.png", metadata={"price": 9.5, "title": 3})
        assert finder.export_vectors(tmp_path / "set.fiftyone") == 3
    return tmp_path


def documents(folder: Path) -> tuple[Any, Any]:
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    return samples, json.loads((folder / "metadata.json").read_text())


def altered(folder: Path, samples: Alter | None = None, dataset: Alter | None = None) -> Path:
    """The folder, with its documents as they were altered."""
    found, about = documents(folder)
    if samples is not None:
        samples(found)
    if dataset is not None:
        dataset(about)
    (folder / "samples.json").write_text(json.dumps({"samples": found}))
    (folder / "metadata.json").write_text(json.dumps(about))
    return folder


def content_of(path: Path) -> list[Any]:
    with Finder.open(path) as finder:
        return [
            (replace(record, files=()), sorted(map(place_of, record.files)), features.tolist())
            for record, features in finder.store.iter_records()
        ]


def place_of(file: File) -> tuple[str, int]:
    return file.path, file.mtime_ns


def array_in(value: Any) -> Features:
    """As FiftyOne reads it."""
    packed = base64.b64decode(value["$binary"]["base64"])
    read: Features = np.load(BytesIO(zlib.decompress(packed)), allow_pickle=False)
    return read


def test_a_sample_has_its_file_its_vector_and_its_metadata(made: Path) -> None:
    samples, dataset = documents(made / "set.fiftyone")
    with Finder.open(made / "c.db") as finder:
        for sample in samples:
            record = finder.get(sample["imagefinder"]["id"])
            assert sample["filepath"] == record.path
            assert_array_equal(
                array_in(sample["embedding"])[None], finder.store.features(record.key)
            )
            assert (sample["metadata"]["width"], sample["metadata"]["height"]) == (120, 90)
            assert len(sample["_id"]["$oid"]) == 24
    by_name = {Path(sample["filepath"]).name: sample for sample in samples}
    assert by_name["2.png"]["title"] == "größe"
    assert (by_name["2.png"]["price"], by_name["1.png"]["price"]) == (9, 9.5)
    assert len({sample["_id"]["$oid"] for sample in samples}) == 3
    kinds = {one["name"]: one["ftype"].rpartition(".")[2] for one in dataset["sample_fields"]}
    assert kinds["embedding"] == "VectorField"
    assert [kinds[name] for name in ("price", "words", "new")] == [
        "FloatField",
        "ListField",
        "BooleanField",
    ]
    assert not {"save", "x"} & set(kinds)  # FiftyOne's own name, and what is no field


def test_a_field_has_one_type(made: Path) -> None:
    samples, dataset = documents(made / "set.fiftyone")
    (title,) = [one for one in dataset["sample_fields"] if one["name"] == "title"]
    expected = str if title["ftype"].endswith("StringField") else int
    assert {type(sample["title"]) for sample in samples if "title" in sample} == {expected}


@pytest.mark.parametrize("name", ["set.fiftyone", "set.fiftyone/samples.json", "renamed"])
def test_what_is_exported_comes_back(made: Path, name: str) -> None:
    shutil.copytree(made / "set.fiftyone", made / "renamed")
    recorded = vector_file(made / name).recipe
    assert recorded is not None
    with Finder.create(made / "new.db", recorded.encoder) as finder:
        assert finder.import_vectors(made / name).added == 3
        assert finder.import_vectors(made / name).unchanged == 3
    assert content_of(made / "new.db") == content_of(made / "c.db")


def test_items_that_share_an_image_come_back(made: Path) -> None:
    with Finder.open(made / "c.db") as finder:
        finder.add([made / "images" / "2.png"], metadata=[{"sku": 1}], items=["a"])
        finder.export_vectors(made / "set.fiftyone", force=True)
    with Finder.create(made / "new.db", "classic") as finder:
        finder.import_vectors(made / "set.fiftyone")
    assert content_of(made / "new.db") == content_of(made / "c.db")


def test_several_vectors_an_image_come_back(made: Path) -> None:
    with Finder.create(made / "r.db", "classic", regions=2) as finder:
        finder.add(made / "images")
        finder.export_vectors(made / "regions.fiftyone")
        recipe = finder.recipe
    samples, _ = documents(made / "regions.fiftyone")
    assert array_in(samples[0]["embeddings"]).shape == (5, recipe.dim)
    assert_array_equal(array_in(samples[0]["embedding"]), array_in(samples[0]["embeddings"])[0])
    with Finder.create(made / "new.db", "classic", regions=2) as finder:
        finder.import_vectors(made / "regions.fiftyone")
    assert content_of(made / "new.db") == content_of(made / "r.db")


def test_what_is_said_in_fiftyone_becomes_metadata(made: Path) -> None:
    def label(samples: Any) -> None:
        for sample in samples:
            sample["tags"] = ["validated"]
            sample["truth"] = {"_id": {"$oid": "0" * 24}, "_cls": "Classification", "label": "cat"}
            sample["kinds"] = {"_cls": "Classifications", "classifications": [{"label": "a"}]}
            sample["price"] = 12
            sample["nothing"] = None
            sample["uniqueness"] = 0.25
            sample["wrong"] = {"$numberDouble": "NaN"}
            sample["taken"] = {"$date": "2026-11-29T10:00:00Z"}

    altered(made / "set.fiftyone", label)
    with Finder.create(made / "new.db", "classic") as finder:
        finder.import_vectors(made / "set.fiftyone")
        metadata = finder.search(made / "images" / "2.png", k=1)[0].metadata
    before = {"title": "größe", "words": ["a", "b"], "new": True, "save": "me", "x": {}}
    said = {"price": 12, "truth": "cat", "kinds": ["a"], "uniqueness": 0.25}
    taken = "2026-11-29T10:00:00Z"
    assert metadata == before | said | {"tags": ["validated"], "taken": taken}


def test_a_dataset_of_fiftyone_is_read(tmp_path: Path) -> None:
    shutil.copytree(DATASET, tmp_path / "set")
    target = vector_file(tmp_path / "set")
    assert (target.recipe, target.layout) == (None, (4, "cosine"))
    encoder = make_encoder("external:theirs", {"dim": 4})
    with Finder.create(tmp_path / "c.db", encoder) as finder:
        assert finder.import_vectors(tmp_path / "set").added == 2
        first, second = finder.search(vectors=np.array([1, 0, 0, 0.5]), k=2)
    assert first.score == pytest.approx(1)
    assert first.path == str(tmp_path / "set" / "data" / "red.png")
    assert first.metadata == {"tags": ["one", "two"], "truth": "red", "price": 9.5}
    assert second.metadata == {"truth": "blue", "price": 3}


def test_another_encoder_s_vectors_are_refused(made: Path) -> None:
    with (
        Finder.create(made / "new.db", Colours()) as finder,
        pytest.raises(RecipeMismatch, match="classic"),
    ):
        finder.import_vectors(made / "set.fiftyone")


def without(name: str) -> Alter:
    def leave_out(samples: Any) -> None:
        for sample in samples:
            del sample[name]

    return leave_out


def declares(*names: str) -> Alter:
    def declare(dataset: Any) -> None:
        dataset["sample_fields"] = [
            {"name": name, "ftype": "fiftyone.core.fields.VectorField"} for name in names
        ]

    return declare


@pytest.mark.parametrize(
    ("samples", "dataset", "said"),
    [
        (without("filepath"), None, r"sample 1: it has no filepath"),
        (lambda found: found.append(3), None, "something else than objects"),
        (lambda found: found[0].update(embedding=7), None, "contains float32"),
        (lambda found: found[0].update(embedding="x"), None, "sample 1: "),
        (lambda found: found[0].update(embedding={"$binary": "%"}), None, "base64"),
        (lambda found: found[0].update(embedding=[float("1e999")] * 1248), None, "not finite"),
        (lambda found: found[1]["imagefinder"].update(id="0" * 16), None, "not that of its sha256"),
        (lambda found: found[1]["imagefinder"].update(size="x"), None, "its size is not an int"),
        (lambda found: found[1]["imagefinder"].update(metadata="{"), None, "sample 2: "),
        (None, declares(), "it has no field of vectors"),
        (None, declares("a", "b"), r"several fields of vectors \(a, b\)"),
        (None, lambda about: about["info"]["imagefinder"].update(recipe="{"), "a recipe"),
    ],
)
def test_what_cannot_be_read_says_where(
    made: Path, samples: Alter | None, dataset: Alter | None, said: str
) -> None:
    altered(made / "set.fiftyone", samples, dataset)
    with (
        Finder.create(made / "new.db", "classic") as finder,
        pytest.raises(ExchangeError, match=said),
    ):
        finder.import_vectors(made / "set.fiftyone")
    assert content_of(made / "new.db") == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("samples.json", '{"samples": [{"filepath": "a.jpg"', "samples.json: Expecting"),
        ("samples.json", '{"frames": []}', 'expected "samples"'),
        ("samples.json", "", "expected {"),
        ("samples.json", '{"samples": [' + "[" * 100_000, "nested too deeply"),
        ("metadata.json", "[]", "it is no JSON object"),
        ("metadata.json", "{", "metadata.json: "),
        ("metadata.json", "\ufffd" * 9, "metadata.json: "),
    ],
)
def test_damaged_files_are_refused(made: Path, name: str, text: str, said: str) -> None:
    (made / "set.fiftyone" / name).write_text(text)
    with Finder.open(made / "c.db") as finder, pytest.raises(ExchangeError, match=said):
        finder.import_vectors(made / "set.fiftyone")


def test_a_sample_may_be_longer_than_what_is_read_at_once(made: Path) -> None:
    def lengthen(samples: Any) -> None:
        samples[0]["title"] = "é" * 20_000
        samples[1]["other"] = {"ignored": "x" * 300_000}

    altered(made / "set.fiftyone", lengthen)
    with Finder.create(made / "new.db", "classic") as finder:
        assert finder.import_vectors(made / "set.fiftyone").added == 3


@pytest.mark.parametrize("array", [np.arange(6, dtype=np.float32), np.eye(3), np.zeros((0, 4))])
def test_arrays_are_packed_as_numpy_packs_them(array: Features) -> None:
    content = base64.b64decode(packed_array(array)["$binary"]["base64"])
    assert_array_equal(unpacked_array(content), array)
    assert_array_equal(np.load(BytesIO(zlib.decompress(content))), array)
    assert unpacked_array(content).dtype == array.dtype


def test_an_array_by_columns_is_read_as_it_was(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    with BytesIO() as file:
        np.save(file, array)
        assert_array_equal(unpacked_array(zlib.compress(file.getvalue())), array)


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        zlib.compress(b""),
        zlib.compress(b"\x93NUMPY\x09\x00"),
        zlib.compress(header("(9999999999999,)")),  # nothing is allocated for it
        zlib.compress(header("(-2, 3)") + b"1234"),
        zlib.compress(header("(1,)", "|O") + b"12345678"),
        zlib.compress(header("(2,)") + b"1234"),
        zlib.compress(header("(1,)") + b"12345678"),
        zlib.compress(bytes(2**27)),  # a bomb
    ],
)
def test_a_hostile_array_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="its array is damaged"):
        unpacked_array(content)


def test_an_image_without_a_file_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        finder.add(PIL.Image.fromarray(drawn(1)))
        finder.export_vectors(tmp_path / "set.fiftyone")
    assert documents(tmp_path / "set.fiftyone")[0] == []
    assert "is left out: it has no file here" in caplog.text


def test_an_export_is_replaced_only_by_force(made: Path) -> None:
    with Finder.open(made / "c.db") as finder:
        with pytest.raises(ExchangeError, match="already exists"):
            finder.export_vectors(made / "set.fiftyone")
        assert finder.export_vectors(made / "set.fiftyone", force=True) == 3
        (made / "set.fiftyone" / "data").mkdir()
        with pytest.raises(ExchangeError, match="contains other files"):
            finder.export_vectors(made / "set.fiftyone", force=True)
