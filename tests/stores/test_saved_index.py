"""The saved state of an index: published in one step, and never joined with another's files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from imagefinder.errors import IndexDamaged
from imagefinder.indexes.approximate import Approximate
from imagefinder.registry.factory import make_index
from imagefinder.stores.saved_index import SavedIndex
from imagefinder.types import Features, Index

DIM, MANY = 8, 1200
OWNER = "0123456789abcdef" * 2


@pytest.fixture
def saved(tmp_path: Path) -> SavedIndex:
    return SavedIndex(tmp_path / "c.db.vectors-01234567", OWNER)


def rows(seed: int, count: int = MANY) -> Features:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


def index_of(seed: int, kind: str = "hnsw", count: int = MANY) -> Index:
    index = make_index(kind, DIM, "cosine")
    index.add(np.arange(count) + 10_000 * seed, rows(seed, count))
    return index


def loaded(saved: SavedIndex, kind: str = "hnsw") -> tuple[Index, int]:
    index = make_index(kind, DIM, "cosine")
    return index, saved.load(index)


def check_holds(saved: SavedIndex, seed: int) -> None:
    """All rows of one seed are found under their keys, by the graph."""
    index, version = loaded(saved)
    assert version == seed
    assert_array_equal(index.keys, np.arange(MANY) + 10_000 * seed)
    found = index.search(rows(seed)[::20], 1).keys[:, 0]
    assert (found == index.keys[::20]).mean() > 0.9


def names(saved: SavedIndex) -> list[str]:
    return sorted(file.name for file in saved.manifest.parent.iterdir())


def test_what_was_saved_is_loaded_and_what_it_replaced_is_gone(saved: SavedIndex) -> None:
    for seed in (1, 2):
        saved.save(index_of(seed), seed)
        check_holds(saved, seed)
        manifest, data, *structure = names(saved)
        assert manifest == saved.manifest.name
        assert structure == [f"{data}.hnsw", f"{data}.hnsw.json"]
    saved.delete()
    assert names(saved) == []


def test_a_structure_that_is_no_longer_used_goes_with_the_next_save(saved: SavedIndex) -> None:
    saved.save(index_of(1), 1)
    assert len(names(saved)) == 4
    saved.save(index_of(1, "exact"), 1)
    assert len(names(saved)) == 2


@pytest.mark.parametrize("step", ["before the graph", "before the manifest", "afterwards"])
def test_programs_that_save_at_once_never_mix_their_files(
    saved: SavedIndex, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The second saves all of its state at one point of the first's save."""
    saved.save(index_of(1), 1)
    first, second = index_of(2), index_of(3)

    def save_second() -> None:
        monkeypatch.undo()
        saved.save(second, 3)

    if step == "before the graph":
        interrupt(monkeypatch, Approximate, "_use_and_save", save_second, before=True)
    elif step == "before the manifest":
        interrupt(monkeypatch, Approximate, "save", save_second, before=False)
    saved.save(first, 2)
    if step == "afterwards":
        save_second()
    check_holds(saved, 3 if step == "afterwards" else 2)
    assert len(names(saved)) == 4, "nothing of the others is left"
    for index, seed in ((first, 2), (second, 3)):
        found = index.search(rows(seed)[::20], 1).keys[:, 0]
        assert (found == index.keys[::20]).mean() > 0.9, "each goes on with its own"


def interrupt(
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    action: Callable[[], None],
    *,
    before: bool,
) -> None:
    """Do something before or after the next call of a method."""
    original = getattr(owner, name)

    def interrupted(*args: object) -> object:
        if before:
            action()
            return original(*args)
        result = original(*args)
        action()
        return result

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize("step", ["_map", "_load_structure"])
def test_a_state_that_is_replaced_while_it_is_loaded_is_read_again(
    saved: SavedIndex, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    saved.save(index_of(1), 1)
    second = index_of(2)

    def replace() -> None:
        monkeypatch.undo()
        saved.save(second, 2)

    interrupt(monkeypatch, Approximate, step, replace, before=True)
    check_holds(saved, 2)
    assert len(names(saved)) == 4


def test_a_state_in_use_can_be_replaced(saved: SavedIndex) -> None:
    saved.save(index_of(1), 1)
    reader, _ = loaded(saved)
    saved.save(index_of(2), 2)
    assert (reader.search(rows(1)[::20], 1).keys[:, 0] == reader.keys[::20]).mean() > 0.9


def test_what_a_killed_program_left_goes_with_the_next_save(saved: SavedIndex) -> None:
    saved.save(index_of(1, "exact"), 1)
    data = next(name for name in names(saved) if name.count(".") == 3)
    folder = saved.manifest.parent
    token = "0000000a"  # noqa: S105  part of a name
    left = saved._data(token)
    for name in (
        f".7-{token}-{saved.manifest.name}",
        f".7-1111111a-{left.name}",
        f".7-2222222a-{left.name}.hnsw",
        left.name,
        f"{left.name}.hnsw",
        f"{left.name}.hnsw.json",
    ):
        (folder / name).write_bytes(b"left")
    before = names(saved)
    loaded(saved, "exact")
    assert names(saved) == before, "loading removes nothing"
    saved.save(index_of(2, "exact"), 2)
    assert len(names(saved)) == 2
    assert data not in names(saved)


def test_files_of_the_user_beside_it_stay(saved: SavedIndex) -> None:
    folder = saved.manifest.parent
    saved.save(index_of(1, "exact"), 1)
    (data,) = (name for name in names(saved) if name.count(".") == 3)
    mine = {f"{data}.bak", f"{data}.hnsw.bak", f"{saved.manifest.name}.bak"}
    mine |= {f"{saved.manifest.name}.20240131", f"{saved.manifest.name}.2024013120240131"}
    for name in mine:
        (folder / name).write_bytes((folder / data).read_bytes())
    (folder / saved._data("33333333").name).mkdir()
    saved.save(index_of(2, "exact"), 2)
    assert mine <= set(names(saved))
    saved.delete()
    assert set(names(saved)) == {*mine, saved._data("33333333").name}


def test_a_save_that_fails_leaves_the_state_before(
    saved: SavedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.save(index_of(1), 1)
    before = names(saved)

    def full(*_: object) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr("imagefinder.stores.saved_index.with_header", full)
    index = index_of(2)
    with pytest.raises(OSError, match="no space"):
        saved.save(index, 2)
    assert names(saved) == before
    check_holds(saved, 1)
    assert (index.search(rows(2)[::20], 1).keys[:, 0] == index.keys[::20]).mean() > 0.9


def test_a_library_that_cannot_write_its_structure_costs_only_its_file(
    saved: SavedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("write error")  # as a library says that a disk is full

    index = index_of(1)
    monkeypatch.setattr("imagefinder.indexes.hnsw.Hnsw._write", full)
    saved.save(index, 1)
    assert (index.search(rows(1)[::20], 1).keys[:, 0] == index.keys[::20]).mean() > 0.9
    monkeypatch.undo()
    check_holds(saved, 1)


def test_another_catalogues_state_is_not_loaded(saved: SavedIndex) -> None:
    saved.save(index_of(1, "exact"), 1)
    other = SavedIndex(saved.manifest, OWNER[::-1])
    with pytest.raises(IndexDamaged, match="another catalogue"):
        loaded(other, "exact")


def test_damage_to_any_file_is_noticed_or_mended(saved: SavedIndex) -> None:
    """Flips and cuts: the same answers as before, or IndexDamaged."""
    saved.save(index_of(1), 1)
    files = {file: file.read_bytes() for file in saved.manifest.parent.iterdir()}
    rng = np.random.default_rng(7)
    for number in range(60):
        for file, content in files.items():
            file.write_bytes(content)
        chosen = sorted(files)[number % len(files)]
        chosen.write_bytes(damaged(files[chosen], rng))
        try:
            index, version = loaded(saved)
        except IndexDamaged:
            continue
        assert version == 1
        assert_array_equal(index.keys, np.arange(MANY) + 10_000)
        found = index.search(rows(1)[::20], 1).keys[:, 0]
        assert (found == index.keys[::20]).mean() > 0.9


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content)))
    if rng.random() < 0.3:
        return content[:place]
    flipped = content[place] ^ (1 << int(rng.integers(8)))
    return content[:place] + bytes([flipped]) + content[place + 1 :]
