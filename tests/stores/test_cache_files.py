"""Cache files: only what our own code wrote is ever deleted, whatever its name looks like."""

import os
from pathlib import Path

import pytest

from imagefinder.registry.factory import make_index
from imagefinder.stores.cache_files import CacheFiles, remove_stale_caches
from imagefinder.stores.cache_header import with_header
from imagefinder.stores.saved_index import SavedIndex

OLD = "0123456789abcdef" * 2
OTHERS = """
    c.db c.db-wal c.db.backup-20261127 c.db.old-20240131 c.db.exact c.db.vlad-20240131
    c.db.vectors-20240131 c.db.vectors-l2-20240131 c.db.exact-12345678 c.db.exactl2-12345678
    c.db.vectors-20240131.hnsw c.db.vectors-20240131.hnsw.json c.db.vlad-20240131-20240201
    c.db.vectors-01234567.20240131 c.db.vectors-01234567.0123abcd0123abcd
    c.db.vectors-01234567.bak c.db.vectors-01234567.hnsw d.db.vectors-01234567
""".split()


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in OTHERS:
        (tmp_path / name).write_bytes(b"mine")
    return tmp_path


def save(saved: SavedIndex) -> None:
    saved.save(make_index("exact", 4, "cosine"), 0)


def make_all(folder: Path, owner: str) -> None:
    files = CacheFiles(folder / "c.db", owner)
    for saved in (files.vectors(), files.vectors("l2"), files.vlad("89abcdef")):
        save(saved)
    files.codebook().write_bytes(with_header(owner, {"sample": 3}, b"any"))


def test_caches_of_earlier_catalogues_go_and_nothing_else(folder: Path) -> None:
    before = names(folder)
    make_all(folder, OLD)
    assert len(names(folder)) == len(before) + 7
    remove_stale_caches(folder / "c.db")
    assert names(folder) == before


def test_copies_of_caches_under_other_names_stay(tmp_path: Path) -> None:
    make_all(tmp_path, OLD)
    copies = [file.with_name(f"{file.name}.20240131") for file in tmp_path.iterdir()]
    for copy in copies:
        copy.write_bytes(copy.with_suffix("").read_bytes())
    remove_stale_caches(tmp_path / "c.db")
    assert set(tmp_path.iterdir()) == set(copies)


def test_links_and_folders_of_such_names_stay(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    make_all(tmp_path / "elsewhere", OLD)
    before = names(tmp_path)
    (tmp_path / "c.db.vectors-01234567").symlink_to("elsewhere/c.db.vectors-01234567")
    (tmp_path / "c.db.vlad-01234567").mkdir()
    os.mkfifo(tmp_path / "c.db.vectors-l2-01234567")
    remove_stale_caches(tmp_path / "c.db")
    assert names(tmp_path) == {
        *before,
        "c.db.vectors-01234567",
        "c.db.vlad-01234567",
        "c.db.vectors-l2-01234567",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SQLite format 3\x00",
        b"{}\n",
        b"[1]\n",
        b"null",
        b'{"format": "imagefinder cache"}\n',
        b"[" * 5000,
        with_header("20240131" * 4, {})[:-40],
        with_header(OLD, {}),  # says another name than its own
    ],
)
def test_a_file_with_the_exact_name_of_a_cache_and_other_content_stays(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "c.db.vectors-20240131"
    file.write_bytes(content)
    remove_stale_caches(tmp_path / "c.db")
    assert file.read_bytes() == content


def test_early_versions_files_of_the_same_vectors_are_removed(tmp_path: Path) -> None:
    early = """
        c.db.exact-01234567 c.db.exact-01234567.faiss c.db.exact-01234567.faiss.json
        c.db.vectors-01234567.hnsw c.db.vectors-01234567.hnsw.json .77-0123abcd-c.db.exact-01234567
    """.split()
    others = ["c.db.exact-99999999", "c.db.exactl2-01234567", "c.db.exact-01234567.bak"]
    for name in (*early, *others):
        (tmp_path / name).touch()
    files = CacheFiles(tmp_path / "c.db", OLD)
    assert files.has_legacy()
    files.remove_legacy()
    assert names(tmp_path) == set(others)
    assert not files.has_legacy()
    assert files.has_legacy("l2")
