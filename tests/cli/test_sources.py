"""No catalogue is created for images that are not there."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from imagefinder import Finder
from imagefinder.cli.app import app
from imagefinder.downloads.image_fetcher import fetching_here
from imagefinder.errors import ClusterError, DownloadError, MissingExtra, NotFound, UnknownPlugin

from ..object_store import ObjectStore


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, with_stderr: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imagefinder.cli.cluster.check_extra", lambda *_: None)
    monkeypatch.setattr("imagefinder.cli.watch.quiet_libraries", lambda: None)


def refused(*words: str) -> Result:
    result = CliRunner().invoke(app, [*words, "--db", "c.db", "--encoder", "phash"])
    assert result.exit_code == 1
    assert not Path("c.db").exists()
    return result


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"], ["watch"]])
def test_for_what_is_missing(verb: list[str]) -> None:
    error = refused(*verb, "none").exception
    assert isinstance(error, NotFound)
    assert "none" in str(error)


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"]])
@pytest.mark.parametrize("text", ["", "name\nno address\n"])
def test_for_a_list_that_cannot_be_used(verb: list[str], text: str) -> None:
    Path("list.csv").write_text(text)
    assert isinstance(refused(*verb, "list.csv").exception, DownloadError)


@pytest.fixture
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cluster would fetch is fetched here."""
    monkeypatch.setattr("imagefinder.cluster.connected", lambda _: nullcontext())
    monkeypatch.setattr("imagefinder.cluster.fetching", lambda _: fetching_here)


PRIVATE = "url\nhttp://127.0.0.1/none.png\n"
NO_URL = "url,title\n,without\n"


@pytest.mark.usefixtures("_no_cluster")
@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"]])
@pytest.mark.parametrize(
    ("text", "said"), [(PRIVATE, "1 private-address"), (NO_URL, "0 of 0 URLs")]
)
def test_for_a_list_that_gives_no_image(verb: list[str], text: str, said: str) -> None:
    Path("list.csv").write_text(text)
    assert said in refused(*verb, "list.csv", "--column", "url").output
    report = json.loads(refused(*verb, "list.csv", "--column", "url", "--json").stdout)
    assert [one["images"] for one in report["lists"]] == [0]


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"]])
def test_nothing_is_downloaded_for_a_catalogue_that_cannot_be(verb: list[str]) -> None:
    Path("list.csv").write_text(PRIVATE)
    words = [*verb, "list.csv", "--db", "none/c.db", "--encoder", "phash"]
    assert "there is no folder" in str(CliRunner().invoke(app, words).exception)
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"]])
def test_nothing_is_downloaded_for_a_plug_in_that_is_missing(verb: list[str]) -> None:
    Path("list.csv").write_text(PRIVATE)
    error = refused(*verb, "list.csv", "--local", "none").exception
    assert isinstance(error, UnknownPlugin)
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"]])
def test_for_objects_without_the_extra(verb: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str, extra: str, what: str) -> NoReturn:
        raise MissingExtra(f"{what} needs: pip install 'imagefinder[{extra}]'")

    monkeypatch.setattr("imagefinder.images.remote_files.optional_import", missing)
    error = refused(*verb, "az://nowhere/photos").exception
    assert isinstance(error, MissingExtra)
    assert "'az://'" in str(error)


def test_for_objects_that_are_missing(object_store: ObjectStore) -> None:
    url = f"{object_store.bucket()}/none"
    assert str(refused("add", url).exception).startswith(f"{url}: no such object")


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"], ["watch"]])
@pytest.mark.parametrize("option", [["--exclude", "\udcff"], ["--include", ""]])
def test_for_a_glob_that_is_none(verb: list[str], option: list[str]) -> None:
    Path("photos").mkdir()
    wrong_usage(*verb, "photos", *option)


@pytest.mark.parametrize("verb", [["add"], ["cluster", "add"], ["sync"]])
def test_for_a_header_that_cannot_be_sent(verb: list[str]) -> None:
    Path("list.csv").write_text("url\nhttps://example.com/a.jpg\n")
    wrong_usage(*verb, "list.csv", "--header", "no colon")


def wrong_usage(*words: str) -> None:
    result = CliRunner().invoke(app, [*words, "--db", "c.db", "--encoder", "phash"])
    assert result.exit_code == 2
    assert not Path("c.db").exists()


def test_for_a_cluster_that_does_not_answer(gallery: Path) -> None:
    error = refused("cluster", "add", str(gallery), "--address", "127.0.0.1:1").exception
    assert isinstance(error, ClusterError)


def test_what_is_there_is_added_and_the_rest_is_a_failure(gallery: Path) -> None:
    image = str(next(gallery.rglob("*.jpg")))
    words = ["add", "none.jpg", image, "--db", "c.db", "--encoder", "phash", "--json"]
    result = CliRunner().invoke(app, words)
    assert '"added": 1' in result.stdout
    assert "none.jpg" in result.stdout


def test_no_cluster_is_started_for_a_list_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*_: object) -> NoReturn:
        raise AssertionError("Ray is started")

    with Finder.create("there.db", "phash"):
        pass
    monkeypatch.setattr("imagefinder.cluster.connected", connected)
    result = CliRunner().invoke(app, ["cluster", "add", "none.csv", "--db", "there.db"])
    assert isinstance(result.exception, DownloadError)
    assert "none.csv" in str(result.exception)
