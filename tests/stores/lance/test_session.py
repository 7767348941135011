"""The size of the engine's caches: as one says, or a share of the memory."""

from pathlib import Path

import pytest
from lance.lance import _Session as Session

from imagefinder import Finder
from imagefinder.errors import StoreError
from imagefinder.stores.lance import session
from imagefinder.stores.lance.session import new_session

GIGABYTE = 10**9


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each session that is made."""
    sizes: list[int] = []

    def noted(index_cache_size_bytes: int, metadata_cache_size_bytes: int) -> Session:
        sizes.append(index_cache_size_bytes + metadata_cache_size_bytes)
        return Session(index_cache_size_bytes, metadata_cache_size_bytes)

    monkeypatch.setattr(session, "Session", noted)
    return sizes


def test_a_catalogue_has_the_given_size(
    made: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(session.VARIABLE, "2000")
    Finder.create(tmp_path / "c.lance", "dhash").close()
    assert made == [2 * GIGABYTE]


def test_else_a_quarter_of_the_memory_is_shared_by_workers(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(session.VARIABLE, raising=False)
    monkeypatch.setattr(session, "total_memory", lambda: 8 * GIGABYTE)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    for cores in (4, 1):
        monkeypatch.setattr(session, "cores", lambda count=cores: count)
        new_session()
    monkeypatch.setattr(session, "total_memory", lambda: 900 * GIGABYTE)
    new_session()
    assert made == [2 * GIGABYTE, GIGABYTE // 2, 6 << 28]


@pytest.mark.parametrize("text", ["0", "-1", "2 GB", "1e3"])
def test_another_size_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(session.VARIABLE, text)
    with pytest.raises(StoreError, match="megabytes"):
        new_session()
