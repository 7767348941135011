"""The key file: only hashes are stored, and its owner alone can read it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagefinder._utils.locks import locked
from imagefinder.server.api_keys import KeyFile, KeyFileError, KeyRing


def test_a_key_is_shown_once_and_only_its_hash_is_stored(keys: KeyFile) -> None:
    key = keys.add("shop")
    assert key not in keys.path.read_text()
    assert keys.path.stat().st_mode & 0o077 == 0
    assert [(name, kept.writes) for name, kept in keys.keys().items()] == [("shop", False)]
    with pytest.raises(KeyFileError, match="already"):
        keys.add("shop")
    keys.remove("shop")
    assert keys.keys() == {}
    with pytest.raises(KeyFileError, match="no key named"):
        keys.remove("shop")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": 1}',
        '{"a": {"sha256": 1}}',
        '{"a": {"sha256": 1, "created": "", "writes": false}}',
        '{"a": {"sha256": "\u00e9", "created": "", "writes": false}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_key_file_is_an_error(keys: KeyFile, text: str) -> None:
    keys.path.write_text(text)
    with pytest.raises(KeyFileError, match="not a readable key file"):
        keys.keys()


def test_keys_that_several_programs_make_at_once_are_all_kept(keys: KeyFile) -> None:
    def several(first: int) -> list[str]:
        # each with a KeyFile of its own, as each program has
        return [KeyFile(keys.path).add(f"key-{number}") for number in range(first, first + 5)]

    with ThreadPoolExecutor(8) as programs:
        made = [key for keys_ in programs.map(several, range(0, 40, 5)) for key in keys_]
    ring = KeyRing(keys)
    assert all(ring.find(key) for key in made)
    assert len(keys.keys()) == 40


def test_a_removed_key_stays_removed_whatever_is_added_meanwhile(keys: KeyFile) -> None:
    for number in range(10):
        keys.add(f"old-{number}")

    def change(number: int) -> None:
        keys.add(f"new-{number}")
        keys.remove(f"old-{number}")

    with ThreadPoolExecutor(2) as programs:
        list(programs.map(change, range(10)))
    assert sorted(keys.keys()) == [f"new-{number}" for number in range(10)]


def test_a_program_that_does_not_let_go_is_not_waited_for(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "file"),
        pytest.raises(TimeoutError, match="try again"),
        locked(tmp_path / "file", patience=0),
    ):
        pass


def test_a_link_to_a_key_file_stays_a_link(keys: KeyFile, tmp_path: Path) -> None:
    link = tmp_path / "link.keys"
    link.symlink_to(keys.path)
    KeyFile(link).add("shop")
    assert link.is_symlink()
    assert list(keys.keys()) == ["shop"]
    assert keys.path.stat().st_mode & 0o077 == 0
