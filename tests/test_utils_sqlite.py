"""SQLite files opened safely, whatever may be done where they are."""

from pathlib import Path

import apsw
import pytest

from imagefinder._utils.sqlite import connect


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection = connect(tmp_path / "a.db", create=True)
    connection.execute("CREATE TABLE numbers (n)")
    connection.close()
    return tmp_path / "a.db"


def test_a_file_is_only_made_where_that_was_asked(tmp_path: Path) -> None:
    with pytest.raises(apsw.CantOpenError):
        connect(tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


def test_a_file_can_be_written(path: Path) -> None:
    connection = connect(path)
    assert not connection.readonly("main")
    assert not connection.pragma("trusted_schema")
    connection.execute("INSERT INTO numbers VALUES (1)")
    connection.close()


def test_a_file_that_cannot_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder._utils.sqlite.os.access", lambda *_: False)
    for create in (False, True):
        connection = connect(path, create=create)
        assert connection.readonly("main")
        assert connection.execute("SELECT count(*) FROM numbers").get == 0
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute("INSERT INTO numbers VALUES (1)")
        connection.close()
    assert [file.name for file in path.parent.iterdir()] == ["a.db"]
