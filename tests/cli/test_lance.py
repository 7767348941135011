"""The commands with a catalogue in Lance: the same words."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from imagefinder import Finder
from imagefinder.catalogue.comparison import compare_catalogues
from imagefinder.cli.app import app
from imagefinder.errors import StoreError
from imagefinder.server import Settings, create_app

from ..conftest import drawn
from ..e2e.program import until
from ..object_store import ObjectStore

COUNT = 6
Ask = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(COUNT):
        PIL.Image.fromarray(drawn(seed)).save(images / f"{seed:02}.jpg")
    return images


@pytest.fixture
def ask(tmp_path: Path, caches: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command on the catalogue ``c.lance``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEFINDER_DB", "c.lance")

    def run(*words: object, fails: bool = False) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert (result.exit_code != 0) == fails, (result.output, result.exception)
        return result

    return run


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_the_walk_of_the_readme(ask: Ask, folder: Path, tmp_path: Path) -> None:
    query = folder / "03.jpg"
    assert answer(ask("add", folder, "--encoder", "phash", "--json"))["added"] == COUNT
    assert answer(ask("add", folder, "--json"))["unchanged"] == COUNT
    hits = answer(ask("search", query, "--verify", 1, "--json"))["hits"]
    assert hits[0]["path"] == str(query)
    about = answer(ask("info", "--json"))
    assert (about["images"], about["index"]) == (COUNT, "exact")
    (folder / "00.jpg").unlink()
    PIL.Image.fromarray(drawn(99)).save(folder / "99.jpg")
    report = answer(ask("sync", folder, "--json"))
    assert (report["added"], report["removed"]) == (1, 1)
    for kind in ("lance", "auto"):
        ask("index", "build", kind)
        again = answer(ask("search", query, "--verify", 0, "--json"))["hits"]
        assert [hit["id"] for hit in again] == [hit["id"] for hit in hits]
    assert "6 images exported" in ask("export", "vectors.npy").output
    assert answer(ask("remove", query, "--json"))["removed"] == 1
    assert answer(ask("import", "vectors.npy", "--json"))["added"] == 1
    assert "is intact" in ask("check").output
    assert "bytes given back" in ask("vacuum").output
    assert "imagefinder copy" in str(ask("backup", "copy.db", fails=True).exception)
    assert "must be a file" in str(ask("reduce", "c.lance", "--dim", "4", fails=True).exception)
    upgrade = ask("upgrade", "--encoder", "dhash", fails=True)
    assert "cannot be upgraded" in f"{upgrade.output}{upgrade.exception}"


def test_an_older_version_is_read_alone(ask: Ask, folder: Path, tmp_path: Path) -> None:
    ask("add", folder, "--encoder", "phash")
    version = answer(ask("info", "--json"))["version"]
    query = folder / "03.jpg"
    ask("remove", query)
    assert answer(ask("info", "--json"))["version"] == version + 1
    found = answer(ask("search", query, "--at", version, "--json"))["hits"]
    assert found[0]["path"] == str(query)
    now = answer(ask("search", query, "--json"))["hits"]
    assert str(query) not in [hit["path"] for hit in now]
    assert answer(ask("info", "--at", version, "--json"))["images"] == COUNT
    ask("export", "vectors.npy", "--at", version)
    assert len(np.load(tmp_path / "vectors.npy")) == COUNT
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"query,relevant\n{query},{folder / '04.jpg'}\n")
    evaluated = answer(ask("evaluate", "--pairs", pairs, "--at", version, "--json"))
    assert evaluated["images"] == COUNT
    assert answer(ask("duplicates", "--at", version, "--json"))["groups"] == []
    assert "cannot be combined" in ask("duplicates", "--at", 1, "--trash", fails=True).output
    ask("map", "--by", "pca", "--at", version)
    ask("match", query, query, "--at", version)
    audit = ask("index", "audit", "exact", "--at", version, fails=True)
    assert f"{COUNT} images are too few" in str(audit.exception)
    with (
        Finder.open("c.lance", version=version) as finder,
        pytest.raises(StoreError, match=f"version {version} of .* was opened to be read alone"),
    ):
        finder.remove([query])
    unknown = ask("search", query, "--at", 999, fails=True)
    assert "has no version 999" in str(unknown.exception)
    Finder.create("a.db", "phash").close()
    elsewhere = ask("info", "--db", "a.db", "--at", 1, fails=True)
    assert "keeps no older versions" in str(elsewhere.exception)


def test_copies_there_and_back(ask: Ask, folder: Path, tmp_path: Path) -> None:
    with Finder.create("a.db", "dhash", local="sift") as finder:
        finder.add([*folder.iterdir(), drawn(50)], metadata={"größe": [1, None], "n": 2**70})
        finder.use_index("hnsw")
    ask("copy", "a.db", "b.lance")
    ask("copy", "b.lance", "c.lance")
    ask("copy", "c.lance", "back.db")
    assert compare_catalogues(Path("a.db"), Path("back.db")).is_equal
    with Finder.open("c.lance") as copied:
        assert copied.store.index.kind == "hnsw"
        assert len(copied.search(drawn(50), k=3, rerank="mutual")) == 3
        assert len(copied.store.select(where={"n": 2**70})) == COUNT + 1


def test_a_folder_with_other_things_stays_as_it_is(ask: Ask, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.lance").mkdir()
    (tmp_path / "c.lance" / "mine.txt").write_text("mine")
    result = ask("add", folder, "--encoder", "phash", fails=True)
    assert "holds other things" in str(result.exception)
    assert [file.name for file in (tmp_path / "c.lance").iterdir()] == ["mine.txt"]


def test_the_address_in_a_bucket_is_checked(ask: Ask) -> None:
    for address, remedy in (
        ("s3://bucket", "names no catalogue"),
        ("s3://a:b@c/d", "do not belong"),
    ):
        assert remedy in str(ask("info", "--db", address, fails=True).exception)


def test_a_server_finds_what_others_add(
    folder: Path, tmp_path: Path, caches: Path, object_store: ObjectStore
) -> None:
    for address in (str(tmp_path / "c.lance"), f"{object_store.bucket()}/catalogue"):
        with Finder.create(address, "dhash") as other:
            other.add(sorted(folder.iterdir())[:4])
            settings = replace(Settings(), writable=True, uploads=tmp_path / "uploads")
            app_ = create_app(address, settings)
            with TestClient(app_, base_url="http://localhost:8000") as client:
                assert best(client, folder / "03.jpg") == "03.jpg"
                image = (folder / "05.jpg").read_bytes()
                added = client.post("/v1/images", files={"image": ("new.jpg", image)})
                assert added.status_code in (200, 201), added.text
                until(partial(has_images, other, 5))  # an object store is asked each second
                for route in ("/", "/v1/images", "/v1/duplicates", "/v1/stats", "/readyz"):
                    assert client.get(route).status_code == 200, route


def has_images(finder: Finder, count: int) -> bool:
    return len(finder) == count


def best(client: TestClient, image: Path) -> str:
    answered = client.post("/v1/search", files={"image": (image.name, image.read_bytes())})
    assert answered.status_code == 200, answered.text
    return str(answered.json()["hits"][0]["name"])


def test_a_version_that_no_number_of_the_engine_can_name(folder: Path, tmp_path: Path) -> None:
    with Finder.create(tmp_path / "v.lance", "phash") as finder:
        finder.add(folder)
    with pytest.raises(StoreError, match="has no version"):
        Finder.open(tmp_path / "v.lance", version=10**22)


def test_what_is_said_of_a_damaged_catalogue_can_be_done(
    ask: Ask, folder: Path, tmp_path: Path
) -> None:
    first, *others = sorted(folder.iterdir())
    ask("add", first, "--encoder", "phash")
    version = answer(ask("info", "--json"))["version"]
    before = set((tmp_path / "c.lance" / "data").iterdir())
    ask("add", *others)
    (new,) = set((tmp_path / "c.lance" / "data").iterdir()) - before
    new.write_bytes(new.read_bytes()[:100])
    said = ask("check", fails=True).output
    assert "by --at VERSION; or add the images to a new catalogue" in said
    assert "--repair" not in said
    assert ".rs" not in said, "a place in the engine's source"
    assert answer(ask("search", first, "--at", version, "--json"))["hits"][0]["path"] == str(first)
    assert "cannot be repaired in place" in str(ask("check", "--repair", fails=True).exception)
