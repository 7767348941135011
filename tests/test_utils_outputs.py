"""Outputs: what is there is replaced only if the same command made it."""

import os
from pathlib import Path

import pytest

from imagefinder._utils.outputs import check_output, is_made_by, mark, write_output
from imagefinder.errors import OutputError


def write(path: Path, text: str) -> None:
    with write_output(path) as file:
        file.write_text(text)


def test_a_new_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    assert check_output(file, "map") == file
    with pytest.raises(ZeroDivisionError), write_output(file) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    write(file, "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


@pytest.mark.parametrize(
    ("text", "is_own"),
    [
        (mark("map"), True),
        (mark("map") + "x" * 100_000, True),
        ("x" * 100_000 + mark("map"), True),
        ("", True),
        ("my notes", False),
        (mark("evaluate"), False),
        ("x" * 50_000 + mark("map") + "x" * 50_000, False),
    ],
)
def test_a_command_knows_its_own_files(tmp_path: Path, text: str, is_own: bool) -> None:
    file = tmp_path / "map.html"
    file.write_text(text)
    assert is_made_by(file, "map") == is_own
    if not is_own:
        with pytest.raises(OutputError, match=r"imagefinder map did not make it: .*--force"):
            check_output(file, "map")
    assert check_output(file, "map", force=is_own is False) == file
    assert file.read_text() == text


def test_a_link_is_followed(tmp_path: Path) -> None:
    link, target = tmp_path / "link.html", tmp_path / "target.html"
    link.symlink_to(target)
    write(check_output(link, "map"), mark("map"))
    assert link.is_symlink()
    assert target.read_text() == mark("map")
    target.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        check_output(link, "map")


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, "map", force=True)
    with pytest.raises(OutputError, match="there is no folder"):
        check_output(tmp_path / "none" / "map.html", "map")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="there is no folder"):
        check_output(tmp_path / "file" / "map.html", "map")
    with pytest.raises(OutputError):
        check_output(loop / "map.html", "map")
    with pytest.raises(OutputError, match="name too long"):
        check_output(tmp_path / ("x" * 300), "map")


@pytest.mark.skipif(os.name == "nt", reason="no such devices")
def test_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    for device in (Path("/dev/null"), Path("/dev/stdout")):
        assert check_output(device, "map") == device
    before = os.stat("/dev/null")
    write(Path("/dev/null"), "gone")
    assert os.stat("/dev/null").st_rdev == before.st_rdev
    reading, writing = os.pipe()
    write(check_output(Path(f"/dev/fd/{writing}"), "map"), "through a pipe")
    assert os.read(reading, 99) == b"through a pipe"
    os.close(reading)
    os.close(writing)
    with pytest.raises(OutputError, match="No space left"):
        write(Path("/dev/full"), "no room")
