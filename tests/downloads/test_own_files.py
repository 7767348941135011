"""Files in the folder of a download that are not its own: none is replaced or removed unasked."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from imagefinder.downloads import DownloadSettings, FetchLimits, Summary, download
from imagefinder.downloads.folder import described, unlisted_images
from imagefinder.downloads.state import DownloadState
from imagefinder.errors import DownloadError

from .conftest import Jpeg
from .server import Web, ok

SETTINGS = DownloadSettings(retries=0, limits=FetchLimits(allow_private=True, seconds=5))
FIRST_VERSION = """
    CREATE TABLE pictures (
        sha256 BLOB PRIMARY KEY, suffix TEXT NOT NULL, size INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, metadata TEXT, run INTEGER, row INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE urls (
        url TEXT PRIMARY KEY, sha256 BLOB REFERENCES pictures, reason TEXT, detail TEXT
    ) WITHOUT ROWID;
    PRAGMA application_id = 1229801284;
    PRAGMA user_version = 1;
"""


@pytest.fixture
def listed(tmp_path: Path, served: Web, jpeg: Jpeg) -> Path:
    served.routes["/a.jpg"] = ok(jpeg(1))
    (tmp_path / "list.csv").write_text(f"url,price\n{served.url('/a.jpg')},007\n")
    (tmp_path / "out").mkdir()
    return tmp_path / "list.csv"


def got(listed: Path, force: bool = False, settings: DownloadSettings = SETTINGS) -> Summary:
    return download(listed, listed.parent / "out", settings=settings, force=force)


def test_a_results_file_of_the_users_own_is_not_replaced(tmp_path: Path, listed: Path) -> None:
    own = tmp_path / "out" / "results.csv"
    own.write_text("row,verdict\n1,mine\n")
    with pytest.raises(DownloadError, match="--force"):
        got(listed)
    assert own.read_text() == "row,verdict\n1,mine\n"
    assert list(own.parent.iterdir()) == [own]  # so that it counts as no folder of downloads
    assert got(listed, force=True).done == 1
    assert own.read_text().startswith('"row","url"')


def test_results_that_were_edited_since_are_not_replaced(tmp_path: Path, listed: Path) -> None:
    results = tmp_path / "out" / "results.csv"
    got(listed)
    assert got(listed).done == 1
    edited = results.read_text() + "my notes\n"
    results.write_text(edited)
    with pytest.raises(DownloadError, match="was edited since"):
        got(listed)
    assert results.read_text() == edited


@pytest.mark.parametrize("force", [False, True])
def test_the_list_itself_is_never_replaced(tmp_path: Path, listed: Path, force: bool) -> None:
    own = listed.rename(tmp_path / "out" / "results.csv")
    before = own.read_text()
    with pytest.raises(DownloadError, match="is the list itself"):
        download(own, tmp_path / "out", settings=SETTINGS, force=force)
    assert own.read_text() == before
    assert list(own.parent.iterdir()) == [own]


def test_hidden_files_that_are_named_like_ours_stay(tmp_path: Path, listed: Path) -> None:
    names = (".part/letter.txt", ".my-results.csv", ".part-1/0", ".download.db.bak", "results.csv~")
    for name in names:
        path = tmp_path / "out" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    assert got(listed).done == 1
    assert {(tmp_path / "out" / name).read_text() for name in names} == {"precious"}


def test_what_a_killed_run_left_is_removed(tmp_path: Path, listed: Path) -> None:
    with DownloadState(tmp_path / "out") as state:
        left = Path(state.temporary)
    left.mkdir()
    (left / "17").write_bytes(b"a part of an image")
    got(listed)
    assert not left.exists()


@pytest.mark.parametrize("size", ["same", "larger", "smaller"])
def test_an_image_that_was_edited_is_not_replaced(tmp_path: Path, listed: Path, size: str) -> None:
    got(listed)
    (image,) = (tmp_path / "out").glob("??/*.jpg")
    original = image.read_bytes()
    edited = {"same": original[::-1], "larger": original[:-1] + b"xyz", "smaller": b"edited"}[size]
    image.write_bytes(edited)
    with closing(sqlite3.connect(tmp_path / "out" / ".download.db")) as connection:
        connection.execute("DELETE FROM urls")
        connection.commit()
    assert got(listed).failed == {"changed-file": 1}
    assert image.read_bytes() == edited
    assert got(listed, force=True).done == 1
    assert image.read_bytes() == original


def test_an_edited_image_that_is_moved_away_is_fetched_again(tmp_path: Path, listed: Path) -> None:
    got(listed)
    (image,) = (tmp_path / "out").glob("??/*.jpg")
    original = image.read_bytes()
    image.write_bytes(b"edited")
    assert got(listed).failed == {"changed-file": 1}
    image.rename(tmp_path / "mine.jpg")
    assert got(listed).done == 1
    assert image.read_bytes() == original
    assert (tmp_path / "mine.jpg").read_bytes() == b"edited"


def test_a_folder_in_the_place_of_an_image_stays(tmp_path: Path, listed: Path) -> None:
    got(listed)
    (image,) = (tmp_path / "out").glob("??/*.jpg")
    image.unlink()
    image.mkdir()
    assert got(listed).failed == {"changed-file": 1}
    assert image.is_dir()


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_database_of_another_program_is_left_as_it_is(
    tmp_path: Path, listed: Path, version: int
) -> None:
    foreign = tmp_path / "out" / ".download.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.executescript(f"CREATE TABLE mine (a); PRAGMA user_version = {version}")
    before = foreign.read_bytes()
    with pytest.raises(DownloadError, match="another folder"):
        got(listed, force=True)
    assert foreign.read_bytes() == before


def test_a_folder_of_the_first_version_goes_on(
    tmp_path: Path, listed: Path, served: Web, jpeg: Jpeg
) -> None:
    out = tmp_path / "out"
    summary = got(listed)
    with closing(sqlite3.connect(out / ".download.db")) as connection:
        images = connection.execute("SELECT * FROM pictures").fetchall()
        urls = connection.execute("SELECT url, sha256, reason, detail FROM urls").fetchall()
    for name in (".download.db", ".download.db-wal", ".download.db-shm"):
        (out / name).unlink(missing_ok=True)
    with closing(sqlite3.connect(out / ".download.db")) as connection:
        connection.executescript(FIRST_VERSION)
        connection.executemany("INSERT INTO pictures VALUES (?,?,?,?,?,?,?,?)", [images[0][:8]])
        gone = ("http://127.0.0.1:9/gone", None, "http-403", "HTTP status 403")
        connection.executemany("INSERT INTO urls VALUES (?, ?, ?, ?)", [*urls, gone])
        connection.commit()
    again = got(listed)
    assert (again.done, again.run) == (1, summary.run + 1)
    assert len(served.asked) == 1, "the image is not fetched again"
    assert [given.metadata for given in described(out)] == [
        {"price": "007", "url": served.url("/a.jpg")}
    ]
    assert unlisted_images(out) == []
    with closing(sqlite3.connect(out / ".download.db")) as connection:
        assert connection.execute("SELECT count(*) FROM urls").fetchone() == (1,)


def test_a_folder_that_no_download_filled_is_not_made_one_by_reading(tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        list(described(tmp_path))
    assert list(tmp_path.iterdir()) == []
