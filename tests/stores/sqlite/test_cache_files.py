"""Names of cache files: only those that our own code wrote are ever deleted."""

from pathlib import Path

import pytest

from imagefinder.stores.sqlite.cache_files import CacheFiles, remove_stale_caches

CACHES = """
    c.db.vectors-01234567 c.db.vectors-l2-01234567 c.db.vlad-01234567 c.db.vlad-01234567-89abcdef
    c.db.vectors-01234567.hnsw c.db.vectors-01234567.hnsw.json
    c.db.exact-01234567 c.db.exactl2-01234567 c.db.exact-01234567.faiss.json
""".split()
OTHERS = """
    c.db c.db-wal c.db.backup-20261127 c.db.exact c.db.exact-copy c.db.vectors-0123456
    c.db.vectors-l3-01234567 c.db.vlad-01234567-89abcdef-01234567 c.db.old-01234567
    d.db.vectors-01234567 xc.db.vectors-01234567 c_db.vectors-01234567 photos
""".split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*CACHES, *OTHERS):
        (tmp_path / name).write_bytes(b"content")
    return tmp_path


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_caches_of_earlier_catalogues_go_and_nothing_else(folder: Path) -> None:
    remove_stale_caches(folder / "c.db")
    assert names(folder) == set(OTHERS)


def test_what_is_named_is_swept_again(tmp_path: Path) -> None:
    files = CacheFiles(tmp_path / "c.db", "0123456789abcdef")
    for file in (files.vectors(), files.vectors("hamming"), files.vlad()):
        file.touch()
    assert names(tmp_path) == {
        "c.db.vectors-01234567",
        "c.db.vectors-hamming-01234567",
        "c.db.vlad-01234567",
    }
    remove_stale_caches(tmp_path / "c.db")
    assert names(tmp_path) == set()


def test_early_versions_files_of_the_same_vectors_are_removed(folder: Path) -> None:
    (folder / "c.db.exact-99999999").touch()
    CacheFiles(folder / "c.db", "0123456789abcdef").remove_legacy()
    gone = {"c.db.exact-01234567", "c.db.exact-01234567.faiss.json"}
    assert names(folder) == {*CACHES, *OTHERS, "c.db.exact-99999999"} - gone
    CacheFiles(folder / "c.db", "0123456789abcdef").remove_legacy("l2")
    assert "c.db.exactl2-01234567" not in names(folder)
