"""The command line, as people and scripts meet it."""

import ctypes
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from imagefinder import Finder

from .program import PROGRAM, Run, answer, clean_env, misuse, refusal, started, until

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
COUNTS = ("added", "updated", "unchanged", "removed")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that may be looked into, but not written to."""
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("root may write to any folder")
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    yield place
    place.chmod(0o700)


@pytest.fixture(scope="session")
def many(images: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose images take a while: each copy is another content."""
    place = tmp_path_factory.mktemp("many")
    for copy in range(5):
        for number, image in enumerate(images):
            data = image.read_bytes() + bytes([copy])
            (place / f"{copy}-{number:03}.jpg").write_bytes(data)
    return place


def without_privileges() -> None:
    """Before a program of root's begins: it gets no right to pass over permissions."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def counts(report: Any) -> dict[str, int]:
    """What a report counts, but for zeros."""
    return {name: report[name] for name in COUNTS if report[name]}


def paths_in(catalogue: Path) -> set[str]:
    return {path for (path,) in sql(catalogue, "SELECT path FROM files")}


def sql(database: Path, statements: str) -> list[Any]:
    with closing(apsw.Connection(str(database))) as connection:
        return connection.execute(statements).fetchall()


def how_many(catalogue: Path) -> int:
    with Finder.open(catalogue) as finder:
        return len(finder)


def test_adding_a_folder_says_how_many_were_added(run: Run, folder: Path) -> None:
    said = run("add", "folder")
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.startswith(b"3 added in ")


def test_a_report_has_exactly_what_is_promised(run: Run, folder: Path) -> None:
    report = answer(run("add", "folder", "--json"))
    more = {"failed", "warnings", "kept", "skipped", "skipped_examples", "seconds"}
    assert set(report) == {*COUNTS, *more}
    assert counts(report) == {"added": 3}
    assert report["failed"] == []


def test_adding_again_leaves_all_unchanged(run: Run, gallery: Path, stocked: Path) -> None:
    report = answer(run("add", gallery, "--json"))
    assert counts(report) == {"unchanged": 144}


def test_the_catalogue_is_named_before_or_behind_the_command_or_by_the_environment(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    run("--db", "one/mine.db", "add", "folder")
    run("add", "folder", "--db", "two/mine.db")
    run("add", "folder", env={"IMAGEFINDER_DB": "three/mine.db"})
    assert sorted(path.name for path in tmp_path.rglob("*.db")) == ["mine.db"] * 3
    assert not (tmp_path / "imagefinder.db").exists()


def test_the_catalogue_behind_the_command_goes_before_all_others(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    elsewhere = {"IMAGEFINDER_DB": "environment.db"}
    run("--db", "before.db", "add", "folder", "--db", "behind.db", env=elsewhere)
    assert [path.name for path in tmp_path.glob("*.db")] == ["behind.db"]


def test_a_search_by_a_path_finds_the_image_and_others_of_its_scene(
    run: Run, gallery: Path, stocked: Path
) -> None:
    image = gallery / "harbour" / "compression.jpg"
    found = answer(run("search", image, "--json"))
    assert (found["query"], found["encoder"]) == (str(image), "standard")
    told = {"rank", "id", "path", "name", "sha256", "score", "distance", "probability", "match"}
    told |= {"verdict", "evidence", "metadata"}
    assert [set(hit) for hit in found["hits"]] == [told] * 3
    assert found["matches"][0] == found["hits"][0]["id"]
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["path"] == str(image)
    assert found["hits"][0]["score"] == pytest.approx(1)
    assert {Path(hit["path"]).parent.name for hit in found["hits"]} == {"harbour"}


def test_a_search_by_stdin_and_by_an_id_finds_the_same(
    run: Run, gallery: Path, stocked: Path
) -> None:
    data = (gallery / "harbour" / "size.jpg").read_bytes()
    by_bytes = answer(run("search", "-", "--json", "-k", 5, stdin=data))
    id_ = by_bytes["hits"][0]["id"]
    by_id = answer(run("search", id_, "--json", "-k", 5))
    assert (by_bytes["query"], by_id["query"]) == ("-", id_)
    assert [hit["id"] for hit in by_bytes["hits"]] == [hit["id"] for hit in by_id["hits"]]
    # an image encoded alone and one encoded among others may differ in the last bit
    scores = [hit["score"] for hit in by_bytes["hits"]]
    assert scores == pytest.approx([hit["score"] for hit in by_id["hits"]], abs=1e-6)
    verdicts = [hit["verdict"] for hit in by_bytes["hits"]]
    assert verdicts == [hit["verdict"] for hit in by_id["hits"]]
    assert len(by_id["hits"]) == 5


def test_a_search_shows_paths_as_one_would_write_them_from_here(run: Run, folder: Path) -> None:
    run("add", "folder")
    said = run("search", "folder/a.jpg")
    assert (said.returncode, said.stderr) == (0, b"")
    assert " folder/a.jpg" in said.stdout.decode()
    assert str(folder) not in said.stdout.decode()


def test_info_tells_what_the_catalogue_holds(run: Run, stocked: Path) -> None:
    about = answer(run("info", "--json"))
    assert about["catalogue"] == str(stocked)
    assert (about["images"], about["files"], about["vectors"]) == (144, 144, 144)
    assert about["bytes"] == stocked.stat().st_size
    assert (about["encoder"], about["measure"]) == ("standard", "cosine")
    assert b"images" in run("info").stdout


def test_all_encoders_are_listed(run: Run) -> None:
    known = answer(run("encoders", "--json"))["encoders"]
    assert {"standard", "compact", "classic", "dhash", "phash", "onnx:PATH"} <= {
        encoder["name"] for encoder in known
    }
    assert all(encoder["about"] for encoder in known)
    assert b"the default is standard" in run("encoders").stdout


def test_sync_follows_what_happened_in_the_folder(
    run: Run, folder: Path, images: list[Path], stocked: Path
) -> None:
    run("sync", "folder")
    os.utime(folder / "a.jpg", (0, 0))  # touched: the same content
    shutil.copy(images[3], folder / "b.jpg")  # another content
    (folder / "c.jpg").unlink()
    shutil.copy(images[7], folder / "d.jpg")
    report = answer(run("sync", "folder", "--json"))
    assert counts(report) == {"added": 1, "updated": 1, "unchanged": 1, "removed": 1}
    assert counts(answer(run("sync", "folder", "--json"))) == {"unchanged": 3}
    mine = {path for path in paths_in(stocked) if path.startswith(f"{folder}/")}
    assert mine == {str(folder / name) for name in ("a.jpg", "b.jpg", "d.jpg")}


def test_a_copy_is_another_place_of_the_same_image(run: Run, folder: Path) -> None:
    run("add", "folder")
    shutil.copy(folder / "a.jpg", folder / "copy.jpg")
    assert counts(answer(run("add", "folder", "--json"))) == {"added": 1, "unchanged": 3}
    about = answer(run("info", "--json"))
    assert (about["images"], about["files"]) == (3, 4)
    assert counts(answer(run("remove", "folder/a.jpg", "--json"))) == {"removed": 1}
    assert answer(run("info", "--json"))["images"] == 3


def test_sync_of_a_missing_folder_removes_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    run("sync", "folder")
    shutil.rmtree(folder)
    assert str(folder) in refusal(run("sync", "folder", "--json"))
    assert how_many(tmp_path / "imagefinder.db") == 3


def test_sync_of_an_emptied_folder_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    run("sync", "folder")
    for image in folder.iterdir():
        image.unlink()
    assert "is its disk mounted?" in refusal(run("sync", "folder", "--json"))
    assert how_many(tmp_path / "imagefinder.db") == 3


def test_images_are_removed_by_path_by_folder_and_by_id(
    run: Run, gallery: Path, stocked: Path
) -> None:
    one, scene = gallery / "harbour" / "size.jpg", gallery / "balloons"
    id_ = answer(run("search", gallery / "harbour" / "crop.jpg", "-k", 1, "--json"))["hits"][0][
        "id"
    ]
    assert counts(answer(run("remove", one, scene, id_, "--json"))) == {"removed": 8}
    assert how_many(stocked) == 136
    assert one.exists()
    assert "no image" in refusal(run("search", id_))


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    run("add", "folder")
    said = run("remove", "nothing.jpg", "folder/a.jpg", "--json")
    report = json.loads(said.stdout)
    assert said.returncode == 1
    assert counts(report) == {"removed": 1}
    assert [failure["path"] for failure in report["failed"]] == ["nothing.jpg"]


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["search", "x.jpg", "-k", "0"],
        ["search", "x.jpg", "-k", "few"],
        ["add"],
        ["add", "x.jpg", "--encoder", "classic", "--option", "novalue"],
        ["add", "x.jpg", "--option", "a=b"],
        ["frobnicate"],
        ["info", "--frobnicate"],
        ["info", "--db", "."],
        ["--db", ".", "info"],
        ["serve", "--port", "70000"],
    ],
)
def test_wrong_use_is_exit_code_two(run: Run, words: list[str]) -> None:
    misuse(run(*words))


@pytest.mark.parametrize("words", [["info"], ["search", "x.jpg"], ["remove", "x"], ["serve"]])
def test_a_missing_catalogue_is_said_and_not_made(
    run: Run, tmp_path: Path, words: list[str]
) -> None:
    assert "imagefinder add" in refusal(run(*words))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["add", "info", "sync"])
def test_a_text_file_is_no_catalogue_and_is_left_alone(
    run: Run, folder: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "notes.db"
    file.write_text("Dear diary,\n" * 100)
    words = [] if command == "info" else ["folder"]
    said = refusal(run(command, *words, "--db", "notes.db"))
    assert "not an ImageFinder catalogue" in said
    assert file.read_text() == "Dear diary,\n" * 100


@pytest.mark.parametrize("command", ["add", "info", "sync"])
def test_a_foreign_database_is_no_catalogue_and_is_left_alone(
    run: Run, folder: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "foreign.db"
    sql(file, "CREATE TABLE people (name); INSERT INTO people VALUES ('Ada')")
    before = file.read_bytes()
    words = [] if command == "info" else ["folder"]
    assert "not an ImageFinder catalogue" in refusal(run(command, *words, "--db", "foreign.db"))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.glob("foreign.db*")] == ["foreign.db"]


@pytest.mark.parametrize("command", ["add", "info"])
def test_a_catalogue_of_a_later_version_is_left_alone(
    run: Run, folder: Path, stocked: Path, command: str
) -> None:
    sql(stocked, "PRAGMA user_version = 99")
    before = stocked.read_bytes()
    words = [] if command == "info" else ["folder"]
    assert "newer version of ImageFinder" in refusal(run(command, *words))
    assert stocked.read_bytes() == before


def test_another_encoder_is_refused_with_both_names(run: Run, folder: Path, stocked: Path) -> None:
    said = refusal(run("add", "folder", "--encoder", "phash"))
    assert "standard" in said
    assert "phash" in said
    assert how_many(stocked) == 144


def test_the_same_encoder_may_be_named_again(run: Run, folder: Path, stocked: Path) -> None:
    report = answer(run("add", "folder", "--encoder", "standard", "--json"))
    assert counts(report) == {"added": 3}


def test_an_unknown_encoder_makes_no_catalogue(run: Run, folder: Path, tmp_path: Path) -> None:
    assert "'magic'" in refusal(run("add", "folder", "--encoder", "magic"))
    assert not (tmp_path / "imagefinder.db").exists()


@pytest.mark.parametrize("encoder", ["phash", "dhash"])
def test_a_hash_catalogue_finds_copies(run: Run, folder: Path, encoder: str) -> None:
    run("add", "folder", "--encoder", encoder)
    found = answer(run("search", "folder/a.jpg", "--json"))
    assert found["encoder"] == encoder
    assert found["hits"][0]["path"] == str(folder / "a.jpg")
    assert found["hits"][0]["distance"] == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"Dear diary", "not an image"),
        (b"\xff\xd8\xff\xe0", "truncated, damaged"),
    ],
)
def test_an_image_that_cannot_be_used_is_said_in_one_line(
    run: Run, tmp_path: Path, stocked: Path, data: bytes | None, reason: str
) -> None:
    if data is not None:
        (tmp_path / "bad.jpg").write_bytes(data)
    said = refusal(run("search", "bad.jpg", "--json"))
    assert "bad.jpg: " in said
    assert reason in said
    added = run("add", "bad.jpg", "--json")
    assert added.returncode == 1
    assert reason in json.loads(added.stdout)["failed"][0]["reason"]


def test_a_stub_of_an_image_is_named_and_the_others_are_added(run: Run, folder: Path) -> None:
    whole = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 9])
    said = run("add", "folder", "--json")
    report = json.loads(said.stdout)
    assert said.returncode == 0
    assert counts(report) == {"added": 2}
    assert [failure["path"] for failure in report["failed"]] == [str(folder / "b.jpg")]
    told = run("add", "folder")
    assert "folder/b.jpg: " in told.stderr.decode()


def test_a_truncated_query_image_is_searched_with_and_told(run: Run, folder: Path) -> None:
    run("add", "folder")
    whole = (folder / "b.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    said = run("search", "folder/cut.jpg", "--json")
    assert said.returncode == 0
    assert json.loads(said.stdout)["hits"][0]["path"] == str(folder / "b.jpg")
    assert said.stderr.decode().startswith("warning: folder/cut.jpg is truncated or damaged: ")


def test_a_folder_that_may_not_be_written_to_is_said_in_one_line(
    run: Run, folder: Path, locked: Path
) -> None:
    refusal(run("add", "folder", "--db", locked / "new.db", before=without_privileges))
    refusal(run("demo", locked / "demo", before=without_privileges))


def test_what_may_not_be_read_is_named_and_the_others_are_added(
    run: Run, folder: Path, locked: Path
) -> None:
    closed = locked.parent / "closed"
    closed.mkdir(mode=0)
    (folder / "a.jpg").chmod(0)
    words = ("add", closed, "folder/a.jpg", "folder/b.jpg", "--json")
    said = run(*words, before=without_privileges)
    assert said.returncode == 1
    report = json.loads(said.stdout)
    assert counts(report) == {"added": 1}
    assert {failure["path"] for failure in report["failed"]} == {
        str(closed),
        str(folder / "a.jpg"),
    }
    refusal(run("sync", closed, before=without_privileges))


def test_a_folder_that_is_not_there_for_the_catalogue_is_said(run: Run, folder: Path) -> None:
    assert "there is no folder" in refusal(run("add", "folder", "--db", "no/where.db"))


@pytest.mark.parametrize(
    "name", ["with space.jpg", "Übung — 図 🖼.jpg", "two\nlines.jpg", "[red]x[ :smile:.jpg"]
)
def test_a_strange_name_is_as_good_as_any(
    run: Run, folder: Path, tmp_path: Path, name: str
) -> None:
    path = folder / name
    (folder / "a.jpg").rename(path)
    assert counts(answer(run("add", path, "--json"))) == {"added": 1}
    assert counts(answer(run("add", "folder", "--json"))) == {"added": 2, "unchanged": 1}
    found = answer(run("search", path, "-k", 1, "--json"))
    assert (found["query"], found["hits"][0]["path"]) == (str(path), str(path))
    shown = run("search", path, "-k", 1)
    assert name.replace("\n", r"\n") in shown.stdout.decode()
    assert counts(answer(run("remove", path, "--json"))) == {"removed": 1}


def test_a_name_is_harmless_to_the_terminal_and_stays_on_its_line(
    run: Run, folder: Path, stocked: Path
) -> None:
    name = "\x1b[31mred\nline.jpg"
    shutil.copy(folder / "a.jpg", folder / name)
    run("add", "folder")
    assert b"\x1b" not in run("search", folder / "a.jpg").stdout
    said = refusal(run("search", f"missing{name}"))
    assert r"missing\x1b[31mred\nline.jpg: no such file" in said


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape", "ascii:strict"])
def test_a_name_that_is_not_utf8_is_a_named_failure_and_the_others_go_on(
    run: Run, folder: Path, images: list[Path], encoding: str
) -> None:
    name = os.fsencode(folder) + b"/bad\xff.jpg"
    shutil.copy(images[9], os.fsdecode(name))
    strict = {"PYTHONIOENCODING": encoding}
    said = run("add", "folder", "--json", env=strict)
    assert said.returncode == 0
    report = json.loads(said.stdout.decode("utf-8"))
    assert counts(report) == {"added": 3}
    assert report["failed"] == [
        {"path": os.fsdecode(name), "reason": "its name is not UTF-8: rename it"}
    ]
    assert rb"bad\udcff.jpg" in run("add", "folder", env=strict).stderr
    assert answer(run("search", name, "--json", env=strict))["query"] == os.fsdecode(name)
    assert rb"bad\udcff.jpg" in run("search", name, env=strict).stdout


def test_other_uses_of_a_name_that_is_not_utf8_fail_in_one_line(
    run: Run, folder: Path, images: list[Path], stocked: Path
) -> None:
    place = folder / os.fsdecode(b"bad\xff")
    place.mkdir()
    shutil.copy(images[9], place / "x.jpg")
    removed = run("remove", place / "x.jpg")
    assert removed.returncode == 1
    assert b"Traceback" not in removed.stderr
    assert removed.stderr.count(b"\n") == 1
    refusal(run("sync", place, "--json"))
    refusal(run("add", "folder", "--db", b"bad\xff.db"))


def test_a_very_large_k_gives_all_there_is(run: Run, folder: Path) -> None:
    run("add", "folder")
    found = answer(run("search", "folder/a.jpg", "-k", 10**30, "--json"))
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]


def test_an_empty_folder_gives_an_empty_catalogue_that_can_be_searched(
    run: Run, tmp_path: Path, images: list[Path]
) -> None:
    (tmp_path / "empty").mkdir()
    assert counts(answer(run("add", "empty", "--json"))) == {}
    assert answer(run("search", images[0], "--json"))["hits"] == []
    assert b"no images" in run("search", images[0]).stdout


def test_a_link_to_an_image_is_a_place_of_its_own(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.jpg"
    link.symlink_to(folder / "a.jpg")
    assert counts(answer(run("sync", "links", "--json"))) == {"added": 1}
    assert paths_in(tmp_path / "imagefinder.db") == {str(link)}
    assert counts(answer(run("sync", "links", "--json"))) == {"unchanged": 1}
    (folder / "a.jpg").unlink()  # the link leads nowhere now
    gone = run("sync", "links", "--json")
    assert counts(json.loads(gone.stdout))["removed"] == 1


def test_two_that_add_at_once_to_a_new_catalogue_lose_nothing(
    gallery: Path, tmp_path: Path, images: list[Path]
) -> None:
    words = ("add", gallery, "--json")
    with started(tmp_path, *words) as one, started(tmp_path, *words) as other:
        said = [process.communicate(timeout=300) for process in (one, other)]
    assert [process.returncode for process in (one, other)] == [0, 0], said
    catalogue = tmp_path / "imagefinder.db"
    assert paths_in(catalogue) == set(map(str, images))
    assert how_many(catalogue) == len(images)


def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(
    run: Run, many: Path, tmp_path: Path
) -> None:
    log = tmp_path / "imagefinder.db-wal"
    with started(tmp_path, "add", many, "--json") as process:
        until(lambda: log.exists() and log.stat().st_size > 300_000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == (
        "imagefinder: interrupted; progress is saved, run the same command to resume\n"
    )
    done = answer(run("info", "--json"))["images"]
    assert 0 < done < 720
    assert counts(answer(run("add", many, "--json"))) == {"added": 720 - done, "unchanged": done}


@pytest.mark.parametrize("words", [["info"], ["search", "folder/a.jpg", "--json"], ["encoders"]])
def test_a_reader_that_has_gone_is_no_drama(
    run: Run, folder: Path, stocked: Path, tmp_path: Path, words: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [*PROGRAM, *words],
            cwd=tmp_path,
            env=clean_env(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=300,
            check=False,
        )
    finally:
        os.close(writing)
    assert result.returncode in (0, 1)
    assert result.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_said_in_one_line(stocked: Path, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*PROGRAM, "info", "--json"],
            cwd=tmp_path,
            env=clean_env(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=300,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == b"imagefinder: No space left on device\n"


def test_streams_that_the_caller_closed_are_not_missed(folder: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *PROGRAM, "add", "folder"],  # noqa: S607
        cwd=tmp_path,
        env=clean_env(),
        timeout=300,
        check=False,
    )
    assert result.returncode == 0
    assert how_many(tmp_path / "imagefinder.db") == 3


def test_a_terminal_shows_a_progress_bar_on_stderr_and_stdout_stays_clean(
    gallery: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [*PROGRAM, "add", gallery, "--json"],
            cwd=tmp_path,
            env=clean_env(),
            stdout=subprocess.PIPE,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = b"".join(_read_all(ours))
            out, _ = process.communicate(timeout=300)
    finally:
        os.close(ours)
    assert process.returncode == 0
    assert counts(json.loads(out)) == {"added": 144}
    assert b"adding" in shown
    assert b"144/144" in shown


def _read_all(terminal: int) -> Iterator[bytes]:
    with suppress(OSError):  # EIO is how a terminal ends
        while data := os.read(terminal, 65536):
            yield data


def test_the_installed_script_is_the_same_program(tmp_path: Path) -> None:
    script = shutil.which("imagefinder", path=str(Path(PROGRAM[0]).parent))
    if script is None:
        pytest.skip("the package's script is not installed")
    said = subprocess.run(
        [script, "--version"],
        cwd=tmp_path,
        env=clean_env(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert said.returncode == 0
    assert said.stdout.startswith(b"imagefinder ")
