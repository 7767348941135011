"""Damaged catalogues: what is read is what was written, or a clear error."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from imagefinder.errors import CatalogueDamaged, ImageFinderError
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts.samples import random_signature
from imagefinder.types import Entry, File, LocalFeatures, Recipe, Record, key_of

DIM = 64
RECIPE = Recipe("test", {}, DIM, "cosine")
EXTRACTOR = Recipe("corners", {}, 4, "cosine")
IMAGES = 60
PATHS = [f"/p/{number % 3}/{number}.jpg" for number in range(IMAGES)]


def entry(number: int) -> Entry:
    """Every fourth has two files, every fifth two vectors."""
    sha256 = hashlib.sha256(str(number).encode()).digest()
    copies = (f"/q/{number}.jpg",) if number % 4 == 0 else ()
    files = tuple(File(path, 10**18 + number) for path in (PATHS[number], *copies))
    rng = np.random.default_rng(number)
    vectors = rng.standard_normal((1 + (number % 5 == 0), DIM)).astype(np.float32)
    return Entry(
        Record(key_of(sha256), sha256, 1000 + number, 40, 30, files),
        vectors,
        {"title": f"image {number}", "even": number % 2 == 0},
        LocalFeatures(rng.random((3, 2), np.float32), rng.random((3, 4), np.float32)),
        random_signature(rng),
    )


ENTRIES = [entry(number) for number in range(IMAGES)]
KEYS = [one.record.key for one in ENTRIES]

QUESTIONS: dict[str, Callable[[SqliteStore], Any]] = {
    "length": len,
    "statistics": lambda store: store.statistics(),
    "records": lambda store: store.get(KEYS),
    "vectors": lambda store: [store.features(key).tobytes() for key in KEYS[::7]],
    "local features": lambda store: [
        local.descriptors.tobytes() for local in store.local_features(KEYS[::7]).values()
    ],
    "signatures": lambda store: [
        signature.pattern.tobytes() for signature in store.signatures(KEYS[::7]).values()
    ],
    "without signature": lambda store: store.without_signature(KEYS),
    "selected": lambda store: store.select().tolist(),
    "filtered": lambda store: store.select(where={"even": True}).tolist(),
    "in a folder": lambda store: store.select(["/p/1"]).tolist(),
    "paths": lambda store: list(store.iter_paths("/")),
    "looked up": lambda store: store.lookup_paths(PATHS),
    "known": lambda store: [store.has_content(one.record.sha256) for one in ENTRIES],
    "all": lambda store: [(record, rows.tobytes()) for record, rows in store.iter_records()],
    "found": lambda store: store.search(ENTRIES[3].features, 5).keys.tolist(),  # type: ignore[arg-type]
    "note": lambda store: store.get_metadata("note"),
    "recipe": lambda store: (store.recipe, store.extractor),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = SqliteStore.create(tmp_path / "c.db", RECIPE, extractor=EXTRACTOR)
    store.write(ENTRIES)
    store.set_metadata("note", "a text")
    store.close()
    return tmp_path / "c.db"


def answers(path: Path) -> dict[str, Any]:
    """To every question, or the message of the error."""
    try:
        store = SqliteStore.open(path)
    except ImageFinderError as error:
        return dict.fromkeys(QUESTIONS, error)
    try:
        return {name: answer(store, ask) for name, ask in QUESTIONS.items()}
    finally:
        store.close()


def answer(store: SqliteStore, ask: Callable[[SqliteStore], Any]) -> Any:
    try:
        return ask(store)
    except ImageFinderError as error:
        return error


def damaged(content: bytes, rng: random.Random) -> bytes:
    """With one bit or byte changed, some bytes zeroed, or cut."""
    at = rng.randrange(len(content))
    kind = rng.choice(("bit", "bit", "byte", "zeros", "cut"))
    if kind == "cut":
        return content[:at]
    size = rng.choice((16, 512, 4096)) if kind == "zeros" else 1
    before = content[at : at + size]
    if kind == "bit":
        after = bytes([before[0] ^ 1 << rng.randrange(8)])
    else:
        after = bytes(len(before)) if kind == "zeros" else bytes([rng.randrange(256)])
    return content[:at] + after + content[at + len(before) :]


def test_damage_gives_the_right_answer_or_an_error(path: Path) -> None:
    content, right = path.read_bytes(), answers(path)
    assert not any(isinstance(one, ImageFinderError) for one in right.values())
    rng = random.Random(14)
    seen = 0
    for number in range(200):
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(damaged(content, rng))
        given = answers(path)
        wrong = {
            name: value
            for name, value in given.items()
            if not isinstance(value, ImageFinderError) and value != right[name]
        }
        assert not wrong, f"variant {number}: {wrong}"
        seen += any(isinstance(value, ImageFinderError) for value in given.values())
    assert seen > 80, "the rest is free space"


CHANGES = {
    "UPDATE images SET width = width + 1": r"the record of image [0-9a-f]{16}",
    "UPDATE images SET metadata = replace(metadata, 'image', 'imagf')": "the record of image",
    "UPDATE images SET sha256 = 'text'": "the record of image",
    "UPDATE files SET path = '/r' || path": "the record of the file /r/p/0/0.jpg",
    "UPDATE files SET origin = 'uploaded'": "the record of the file",
    "UPDATE vectors SET vector = zeroblob(256)": "a vector of image",
    "UPDATE vectors SET vector = 7": "a vector of image",
    "UPDATE local_features SET features = zeroblob(length(features))": "the local features",
    "UPDATE signatures SET signature = zeroblob(length(signature))": "the signature of image",
    "UPDATE signatures SET signature = 'text'": "the signature of image",
    "UPDATE catalogue SET value = 'b text' WHERE name LIKE 'note%'": "the property note",
    "DELETE FROM files": "the files of image",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_named_when_it_is_read(path: Path, change: str) -> None:
    store = SqliteStore.open(path)
    file = apsw.Connection(str(path))
    file.execute(change)
    file.close()
    errors = [str(answer(store, ask)) for ask in QUESTIONS.values()]
    store.close()
    named = rf"c\.db is damaged \({CHANGES[change]}"
    assert any(re.match(named, one) for one in errors), errors
    assert all("run imagefinder check" in one for one in errors if "is damaged" in one)


def test_a_small_catalogue_is_read_as_a_whole_when_it_is_opened(path: Path) -> None:
    file = apsw.Connection(str(path))
    file.execute("UPDATE files SET path = '/r' || path WHERE path = ?", (PATHS[0],))
    file.close()
    with pytest.raises(CatalogueDamaged, match="the record of the file /r/p/0/0"):
        SqliteStore.open(path)


def test_what_is_changed_on_purpose_is_not_damage(path: Path) -> None:
    store = SqliteStore.open(path)
    first, second = ENTRIES[:2]
    in_memory = Record(first.record.key, first.record.sha256, 1000, 40, 30)
    store.write([Entry(first.record, None, {"title": "new"}), Entry(in_memory, None)])
    store.remove_files([file.path for file in first.record.files])
    store.remove_images([second.record.key])
    store.set_metadata("note", "another")
    store.update_runtime({"path": "/x"})
    store.close()
    assert not any(isinstance(one, CatalogueDamaged) for one in answers(path).values())


def test_a_repair_takes_out_a_damaged_signature_and_not_its_image(path: Path) -> None:
    before = answers(path)
    file = apsw.Connection(str(path))
    file.execute("UPDATE signatures SET signature = zeroblob(9) WHERE key = ?", (KEYS[2],))
    file.execute("UPDATE signatures SET key = 5 WHERE key = ?", (KEYS[3],))
    file.close()
    found = SqliteStore.check(path)
    assert {one.what for one in found} >= {
        f"the signature of image {KEYS[2]:016x}",
        f"the signature of image {5:016x}",
    }
    SqliteStore.salvage(path, found)
    assert SqliteStore.check(path) == []
    with closing(SqliteStore.open(path)) as store:
        assert store.without_signature(KEYS) == set(KEYS[2:4])
        assert store.signatures(KEYS).keys() == set(KEYS) - set(KEYS[2:4])
    after = answers(path)
    for question in ("records", "vectors", "local features", "paths", "found"):
        assert after[question] == before[question]
