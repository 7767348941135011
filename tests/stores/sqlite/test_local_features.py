"""Local features in a catalogue: stored, quantized, and shortlisted by VLAD."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.errors import StoreError
from imagefinder.local_features.codec import pack, unpack
from imagefinder.local_features.vlad import Codebook
from imagefinder.similarity import unit
from imagefinder.stores.cache_header import owner_of, split_header, with_header
from imagefinder.stores.sqlite import schema
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.stores.synced_index import SyncedIndex
from imagefinder.types import (
    Entry,
    Features,
    File,
    IndexChoice,
    LocalFeatures,
    Recipe,
    Record,
    key_of,
)

DIM = 16
RECIPE = Recipe("test", {}, 4, "cosine")
EXTRACTOR = Recipe("corners", {"features": 60}, DIM, "cosine")
EXACT = IndexChoice("exact")

# the whole of what version 1 made
VERSION_1 = """
    CREATE TABLE catalogue (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE images (
        key       INTEGER PRIMARY KEY,
        sha256    BLOB NOT NULL,
        size      INTEGER NOT NULL,
        width     INTEGER NOT NULL,
        height    INTEGER NOT NULL,
        metadata  TEXT NOT NULL,
        in_memory INTEGER NOT NULL
    );
    CREATE TABLE files (
        path     TEXT PRIMARY KEY,
        key      INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        mtime_ns INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX files_of_image ON files (key);
    CREATE TABLE vectors (
        key    INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        row    INTEGER NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (key, row)
    );
    PRAGMA application_id = 0x494D4746;
    PRAGMA user_version = 1;
    PRAGMA journal_mode = WAL;
"""


@pytest.fixture(autouse=True)
def saved_at_once() -> Iterator[None]:
    """A cache for however few vectors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncedIndex, "save_from", 0)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore.create(path, RECIPE, EXACT, EXTRACTOR)
    yield made
    made.close()


def record(number: int) -> Record:
    sha256 = hashlib.sha256(str(number).encode()).digest()
    return Record(key_of(sha256), sha256, 10, 4, 3, (File(f"/p/{number}", 1),))


def row(number: int) -> Features:
    return np.random.default_rng(number).standard_normal((1, 4)).astype(np.float32)


def local(number: int, count: int = 60) -> LocalFeatures:
    """Descriptors of a few kinds, mixed otherwise in each image."""
    kinds = unit(np.random.default_rng(0).standard_normal((12, DIM)).astype(np.float32))
    rng = np.random.default_rng(number)
    chosen = kinds[rng.choice(12, count, p=rng.dirichlet(np.full(12, 0.5)))]
    descriptors = unit(chosen + rng.normal(0, 0.1, chosen.shape).astype(np.float32))
    return LocalFeatures(rng.random((count, 2)).astype(np.float32), descriptors)


def entry(number: int, found: LocalFeatures | None = None) -> Entry:
    return Entry(record(number), row(number), local=local(number) if found is None else found)


def fill(store: SqliteStore, numbers: range) -> None:
    assert store.write([entry(number) for number in numbers]) == ["added"] * len(numbers)


def keys(*numbers: int) -> list[int]:
    return [record(number).key for number in numbers]


def codebook_file(path: Path) -> Path:
    (file,) = (file for file in path.parent.glob("c.db.vlad-*") if file.name.count("-") == 1)
    return file


def index_files(path: Path) -> list[Path]:
    """Data files; their manifests have no token."""
    return list(path.parent.glob("c.db.vlad-*-*.*"))


def read_codebook(path: Path) -> Codebook:
    file = codebook_file(path)
    return Codebook.from_bytes(split_header(file.read_bytes(), str(owner_of(file)))[1])


def write_codebook(path: Path, codebook: Codebook, sample: int) -> None:
    owner = str(owner_of(codebook_file(path)))
    data = with_header(owner, {"sample": sample}, codebook.to_bytes())
    codebook_file(path).write_bytes(data)


def brute_force(store: SqliteStore, codebook: Codebook, query: LocalFeatures, k: int) -> list[int]:
    """Every image by the sum of the eighth powers of its cosines with the query's descriptors."""
    words, residuals = codebook.residuals(query.descriptors)
    votes = {}
    for key, found in store.local_features(store.select().tolist()).items():
        rows = codebook.vector(found.descriptors).reshape(codebook.words.shape)[words]
        votes[key] = float((np.maximum(np.sum(rows * residuals, axis=1), 0) ** 8).sum())
    return sorted(votes, key=lambda key: (-votes[key], key))[:k]


def test_what_was_written_comes_back_packed(store: SqliteStore, path: Path) -> None:
    fill(store, range(5))
    again = SqliteStore.open(path)
    found = again.local_features(keys(3, 1, 99))
    assert found.keys() == set(keys(3, 1))
    for number in (3, 1):
        wanted = unpack(pack(local(number)), DIM)
        assert_array_equal(found[record(number).key].points, wanted.points)
        assert_array_equal(found[record(number).key].descriptors, wanted.descriptors)
    assert (again.recipe, again.extractor) == (RECIPE, EXTRACTOR)
    again.close()


def test_keys_are_all_there_are_ascending(store: SqliteStore) -> None:
    assert store.select().shape == (0,)
    fill(store, range(5))
    assert store.select().dtype == np.int64
    assert store.select().tolist() == sorted(keys(*range(5)))


def test_statistics_count_their_bytes(store: SqliteStore) -> None:
    assert store.statistics().local_bytes == 0
    fill(store, range(3))
    assert store.statistics().local_bytes == 3 * (8 + 60 * (4 + DIM))
    store.remove_images(keys(0))
    assert store.statistics().local_bytes == 2 * (8 + 60 * (4 + DIM))


def test_they_go_with_their_image(store: SqliteStore) -> None:
    fill(store, range(4))
    store.remove_images(keys(0))
    store.remove_files(["/p/1"])
    assert store.local_features(keys(*range(4))).keys() == set(keys(2, 3))


def test_an_image_that_is_written_again_keeps_its_own(store: SqliteStore) -> None:
    fill(store, range(1))
    before = store.local_features(keys(0))[record(0).key]
    assert store.write([entry(0, local(7))]) == ["unchanged"]
    assert_array_equal(store.local_features(keys(0))[record(0).key].descriptors, before.descriptors)


def test_an_image_may_come_without(store: SqliteStore) -> None:
    store.write([Entry(record(0), row(0)), entry(1, local(1, count=0)), entry(2)])
    assert {key: len(found) for key, found in store.local_features(keys(0, 1, 2)).items()} == {
        record(1).key: 0,
        record(2).key: 60,
    }
    assert set(store.shortlist(local(2), 9)) == set(keys(1, 2))


def some(points: tuple[int, ...], descriptors: tuple[int, ...]) -> LocalFeatures:
    return LocalFeatures(np.full(points, 0.5, np.float32), np.full(descriptors, 0.25, np.float32))


def spoilt(number: float, where: str) -> LocalFeatures:
    found = local(1)
    getattr(found, where)[3, 1] = number
    return found


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (some((5, 2), (5, DIM + 1)), r"\(5, 17\), not"),
        (some((5, 2), (4, DIM)), r"\(4, 16\), not"),
        (some((5, 3), (5, DIM)), r"\(5, 3\) and"),
        (some((5, 2), (5 * DIM,)), r"\(80,\), not"),
        (spoilt(np.nan, "descriptors"), "not finite"),
        (spoilt(np.inf, "points"), "not finite"),
    ],
)
def test_what_is_no_local_features_is_refused_and_nothing_is_written(
    store: SqliteStore, bad: LocalFeatures, said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        store.write([entry(0), entry(1, bad)])
    assert len(store) == 0


def test_a_catalogue_without_an_extractor_keeps_none(path: Path) -> None:
    store = SqliteStore.create(path, RECIPE, EXACT)
    assert store.extractor is None
    with pytest.raises(StoreError, match="local features"):
        store.write([entry(0)])
    store.write([Entry(record(0), row(0))])
    assert store.local_features(keys(0)) == {}
    assert store.shortlist(local(0), 3) == []
    assert store.statistics().local_bytes == 0
    store.close()


def test_a_catalogue_of_version_1_is_brought_up_to_date(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(VERSION_1)
    about = {"id": "0123456789abcdef", "recipe": as_json(path.with_name("other.db"))}
    old.executemany("INSERT INTO catalogue VALUES (?, ?)", about.items())
    kept = record(0)
    old.execute("INSERT INTO images VALUES (?, ?, 10, 4, 3, '{}', 0)", (kept.key, kept.sha256))
    old.execute("INSERT INTO files VALUES ('/p/0', ?, 1)", (kept.key,))
    old.execute("INSERT INTO vectors VALUES (?, 0, ?)", (kept.key, row(0).tobytes()))
    old.commit()
    old.close()

    assert SqliteStore.exists(path)
    for _ in range(2):  # brought up to date, and opened as any other
        store = SqliteStore.open(path, EXACT)
        assert (store.recipe, store.extractor) == (RECIPE, None)
        assert store.get([kept.key]) == {kept.key: kept}
        assert_array_equal(store.features(kept.key), row(0))
        assert store.search(row(0), 1).keys.tolist() == [[kept.key]]
        assert store.local_features([kept.key]) == {}
        assert store.statistics().local_bytes == 0
        store.close()
    assert made_of(path) == made_of(path.with_name("other.db"))


def as_json(path: Path) -> str:
    """A recipe as a catalogue keeps it."""
    SqliteStore.create(path, RECIPE).close()
    with sqlite3.connect(path) as other:
        (text,) = other.execute("SELECT value FROM catalogue WHERE name = 'recipe'").fetchone()
    other.close()
    return str(text)


def made_of(path: Path) -> tuple[int, set[tuple[str, str]]]:
    """The version, and the names of tables with those of their columns."""
    with sqlite3.connect(path) as file:
        (version,) = file.execute("PRAGMA user_version").fetchone()
        columns = file.execute(
            "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
        ).fetchall()
    file.close()
    assert version == len(schema.MIGRATIONS)
    return version, set(columns)


def test_damaged_local_features_are_said_and_others_can_be_read(
    store: SqliteStore, path: Path
) -> None:
    fill(store, range(3))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE local_features SET features = x'00' WHERE key = ?", keys(1))
    other.close()
    assert store.local_features(keys(0, 2)).keys() == set(keys(0, 2))
    for ask in (partial(store.local_features, keys(0, 1)), partial(store.shortlist, local(0), 1)):
        with pytest.raises(StoreError, match=r"c\.db is damaged"):
            ask()


def test_a_shortlist_is_what_brute_force_finds_over_the_same_codebook(
    store: SqliteStore, path: Path
) -> None:
    fill(store, range(40))
    queries = [local(7), local(99), local(100, count=200), local(101, count=3)]
    store.shortlist(queries[0], 1)
    codebook = read_codebook(path)
    for query in queries:
        assert store.shortlist(query, 10) == brute_force(store, codebook, query, 10)
    assert store.shortlist(local(7), 10)[0] == record(7).key
    assert len(store.shortlist(local(7), 1000)) == 40


def test_a_query_without_local_features_is_like_nothing_in_particular(store: SqliteStore) -> None:
    fill(store, range(5))
    assert store.shortlist(local(0, count=0), 3) == sorted(keys(*range(5)))[:3]


def test_where_there_is_nothing_to_learn_from_it_is_empty(store: SqliteStore, path: Path) -> None:
    assert store.shortlist(local(0), 3) == []
    store.write([entry(0, local(0, count=0)), entry(1, local(1, count=0))])
    assert store.shortlist(local(0), 3) == []
    assert list(path.parent.glob("c.db.vlad-*")) == []
    store.write([entry(2, local(2, count=400)), entry(3, local(3, count=400))])
    assert store.shortlist(local(2, count=400), 1) == keys(2)
    assert set(store.shortlist(local(2), 9)) == set(keys(0, 1, 2, 3))


def test_one_codebook_serves_until_there_is_much_more_to_learn_from(
    store: SqliteStore, path: Path
) -> None:
    fill(store, range(4))
    store.shortlist(local(0), 1)
    first, indexes = codebook_file(path).read_bytes(), index_files(path)
    fill(store, range(4, 15))
    assert store.shortlist(local(14), 1) == keys(14), "what is new is found"
    assert codebook_file(path).read_bytes() == first
    fill(store, range(15, 16))
    assert store.shortlist(local(15), 1) == keys(15)
    second = codebook_file(path).read_bytes()
    assert second != first
    assert (len(indexes), len(index_files(path))) == (1, 1), "the index of the first is gone"
    assert index_files(path) != indexes
    fill(store, range(16, 63))
    store.shortlist(local(0), 1)
    assert codebook_file(path).read_bytes() == second


def test_an_image_taken_out_is_found_no_more(store: SqliteStore) -> None:
    fill(store, range(10))
    assert store.shortlist(local(3), 1) == keys(3)
    store.remove_images(keys(3))
    found = store.shortlist(local(3), 99)
    assert sorted(found) == sorted(keys(0, 1, 2, 4, 5, 6, 7, 8, 9))


def test_what_another_program_writes_is_in_it(store: SqliteStore, path: Path) -> None:
    fill(store, range(10))
    store.shortlist(local(3), 1)
    other = SqliteStore.open(path)
    fill(other, range(10, 12))
    other.close()
    assert store.shortlist(local(11), 1) == keys(11)


def test_a_saved_codebook_and_index_are_used_again(store: SqliteStore, path: Path) -> None:
    fill(store, range(10))
    first = store.shortlist(local(3), 10)
    store.close()
    written = [file.stat().st_mtime_ns for file in (codebook_file(path), *index_files(path))]
    again = SqliteStore.open(path, EXACT)
    assert again.shortlist(local(3), 10) == first
    again.close()
    assert written == [
        file.stat().st_mtime_ns for file in (codebook_file(path), *index_files(path))
    ]


@pytest.mark.parametrize("which", ["codebook", "index"])
@pytest.mark.parametrize("damage", ["emptied", "truncated", "replaced", "gone"])
def test_damaged_caches_are_made_anew(
    store: SqliteStore, path: Path, which: str, damage: str
) -> None:
    fill(store, range(10))
    first = store.shortlist(local(3), 10)
    store.close()
    file = codebook_file(path) if which == "codebook" else index_files(path)[0]
    content = file.read_bytes()
    other = {"emptied": b"", "truncated": content[: len(content) // 2], "replaced": b"x" * 999}
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(other[damage])
    again = SqliteStore.open(path, EXACT)
    assert again.shortlist(local(3), 10) == first
    again.close()
    made = codebook_file(path) if which == "codebook" else index_files(path)[0]
    assert made.read_bytes() == content


def test_a_codebook_for_other_descriptors_is_made_anew(store: SqliteStore, path: Path) -> None:
    fill(store, range(10))
    first = store.shortlist(local(3), 10)
    store.close()
    mine = codebook_file(path).read_bytes()
    foreign = Codebook(*(np.ones(shape, np.float32) for shape in ((3,), (3, 2), (4, 2))))
    write_codebook(path, foreign, 10)
    again = SqliteStore.open(path, EXACT)
    assert again.shortlist(local(3), 10) == first
    assert codebook_file(path).read_bytes() == mine
    again.close()


def test_a_folder_that_may_not_be_written_costs_nothing(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, range(10))
    store.shortlist(local(3), 1)
    write_codebook(path, read_codebook(path), 1)
    store.close()
    before = {file: file.read_bytes() for file in path.parent.iterdir()}

    unlink = Path.unlink

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    def refuse_old(file: Path, missing_ok: bool = False) -> None:
        refuse() if file in before else unlink(file, missing_ok)

    # a codebook of one image is to be fit again, and so both are to be replaced
    monkeypatch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: False)
    monkeypatch.setattr("imagefinder._utils.atomic.os.replace", refuse)
    monkeypatch.setattr(Path, "unlink", refuse_old)
    again = SqliteStore.open(path, EXACT)
    for _ in range(2):
        assert again.shortlist(local(3), 1) == keys(3)
    again.close()
    assert before == {file: file.read_bytes() for file in path.parent.iterdir()}


def test_a_codebook_that_cannot_be_put_in_its_place_leaves_no_rubbish(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    fill(store, range(3))
    monkeypatch.setattr("imagefinder._utils.atomic.os.replace", refuse)
    assert store.shortlist(local(2), 1) == keys(2)
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["c.db"]


def test_where_sqlite_vec_compares_vectors_there_are_shortlists_too(path: Path) -> None:
    store = SqliteStore.create(path, RECIPE, IndexChoice("sqlite-vec"), EXTRACTOR)
    fill(store, range(10))
    assert store.shortlist(local(3), 1) == keys(3)
    store.close()


def test_a_new_catalogue_in_its_place_takes_the_caches_of_the_old_away(
    store: SqliteStore, path: Path
) -> None:
    fill(store, range(10))
    store.shortlist(local(3), 1)
    store.close()
    path.unlink()
    SqliteStore.create(path, RECIPE).close()
    assert [file.name for file in path.parent.iterdir()] == ["c.db"]


def test_numbers_of_rows_stay_as_close_as_eight_bits_allow(store: SqliteStore) -> None:
    fill(store, range(3))
    for number in range(3):
        found = store.local_features(keys(number))[record(number).key]
        assert_allclose(found.descriptors, local(number).descriptors, atol=0.01)
        assert_allclose(found.points, local(number).points, atol=1 / 65535)
