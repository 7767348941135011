"""The key file: only hashes are stored, and its owner alone can read it."""

import pytest

from imagefinder.server.api_keys import KeyFile, KeyFileError


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


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"sha256": 1}}'])
def test_a_damaged_key_file_is_an_error(keys: KeyFile, text: str) -> None:
    keys.path.write_text(text)
    with pytest.raises(KeyFileError, match="not a readable key file"):
        keys.keys()
