"""Paths of Windows, decided about on any system: what is a file's folder, what a glob means."""

import os
import string
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.images import exclusions
from imagefinder.images.exclusions import Exclusions, check_globs, glob_of
from imagefinder.near_duplicates import csv_table, selection, traits
from imagefinder.near_duplicates.selection import Keep
from imagefinder.stores.path_range import path_range

NAMES = st.text(string.ascii_letters + string.digits + " ()[]!#-_.,ü&'", min_size=1, max_size=8)
FOLDERS = st.lists(NAMES.map(lambda name: f"x{name}x"), min_size=1, max_size=4)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As these modules see Windows."""
    monkeypatch.setattr(exclusions, "_SEP", "\\")
    for module in (csv_table, selection, traits):
        monkeypatch.setattr(module, "PurePath", PureWindowsPath)


def kind(path: str, folder: str, *globs: str) -> str | None:
    whole = PureWindowsPath(path)
    chosen = Exclusions.of_globs(folder, globs)
    return chosen.kind(str(whole.parent), whole.name, is_folder=False)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("glob", "is_excluded"),
    [
        ("*.gif", True),
        ("drafts/*", True),
        ("2024/**/*.gif", True),
        ("C:/Pictures/2024/drafts/*", True),
        ("C:/Pictures/20*/**", True),
        ("C:/Pictures/2024/*.gif", False),
        ("D:/Pictures/**", False),
        ("/C:/Pictures/2024/drafts/a.gif", True),
        ("Pictures:/x", False),
    ],
)
def test_a_glob_means_a_place_on_a_drive(glob: str, is_excluded: bool) -> None:
    found = kind("C:\\Pictures\\2024\\drafts\\a.gif", "C:\\Pictures", glob)
    assert found == ("excluded" if is_excluded else None)


@pytest.mark.usefixtures("windows")
def test_a_glob_means_a_place_on_a_share() -> None:
    path = r"\\nas\photos\raw\a.gif"
    assert kind(path, r"\\nas\photos", "//nas/photos/raw/*") == "excluded"
    assert kind(path, r"\\nas\photos", "//nas/others/**") is None


@pytest.mark.usefixtures("windows")
def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    def expanded(body: str) -> str:
        return body.replace("~", "C:\\Users\\ada")

    monkeypatch.setattr(os.path, "expanduser", expanded)
    path = r"C:\Users\ada\Pictures\private\a.jpg"
    assert kind(path, "C:\\", "~/Pictures/private/") == "excluded"
    assert kind(path, "C:\\", "~/private/") is None


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("glob", [r"C:\Pictures\drafts", r"\\nas\photos", r"!D:\x"])
def test_a_place_is_written_with_slashes(glob: str) -> None:
    with pytest.raises(ValueError, match="with / instead of"):
        check_globs([glob])


def test_elsewhere_a_backslash_and_a_colon_are_parts_of_names() -> None:
    chosen = Exclusions.of_globs("/home", [r"C:/\[x\]"])
    assert chosen.kind("/home/C:", "[x]", is_folder=False) == "excluded"


@given(FOLDERS, NAMES)
def test_the_glob_of_a_file_matches_just_that(folders: list[str], name: str) -> None:
    folder = PureWindowsPath("C:\\", *folders)
    path = folder / f"x{name}.jpg"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exclusions, "_SEP", "\\")
        glob = glob_of(str(path))
        check_globs([glob])
        assert kind(str(path), "C:\\", glob) == "excluded"
        assert kind(str(path.with_suffix(".jpg2")), "C:\\", glob) is None


@pytest.mark.usefixtures("windows")
def test_files_in_a_folder_are_told_whatever_the_case() -> None:
    assert Keep(folder=r"c:\pictures").holds(r"C:\Pictures\2024\a.jpg")
    assert not Keep(folder=r"C:\Pictures").holds(r"C:\Pictures-2\a.jpg")
    assert traits.is_copy_name(r"C:\Pictures\a (1).jpg")
    assert not traits.is_copy_name(r"C:\copy of all\a.jpg")


@pytest.mark.usefixtures("windows")
def test_the_table_of_copies_has_slashes() -> None:
    relative = csv_table._relative
    assert relative(r"C:\Library\2024\a.jpg", r"c:\library") == "2024/a.jpg"
    assert relative(r"D:\Library\a.jpg", r"C:\Library") == r"D:\Library\a.jpg"
    assert relative(r"\\nas\photos\a.jpg", r"\\nas\photos") == "a.jpg"


@given(FOLDERS, FOLDERS)
def test_what_is_in_a_folder_is_a_range_of_texts(folders: list[str], others: list[str]) -> None:
    for flavor, top, sep in ((PureWindowsPath, "C:\\", "\\"), (PurePosixPath, "/", "/")):
        folder, other = flavor(top, *folders), flavor(top, *others)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("imagefinder.stores.path_range.os.sep", sep)
            first, last = path_range(str(folder))
        inside = str(other / "a.jpg")
        is_inside = other.parts[: len(folder.parts)] == folder.parts
        assert (first <= inside < last) == is_inside
