from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.images.changed_paths import ChangedPaths
from imagefinder.images.exclusions import IGNORE_FILE
from imagefinder.images.walk import FolderWalk

NAMES = st.sampled_from(["a", "b", "c.png", "d.jpg", "e.txt"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def images(root: Path, changed: ChangedPaths | None) -> list[str]:
    return [str(path) for path in FolderWalk(changed=changed).images(root)]


def make(root: Path, names: list[str]) -> None:
    for name in names:
        path = root / name
        if not path.exists() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@given(st.lists(PATHS, max_size=12), st.lists(PATHS, max_size=4))
def test_a_walk_of_changed_paths_finds_what_a_whole_walk_finds_there(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], changed: list[str]
) -> None:
    root = tmp_path_factory.mktemp("walk")
    make(root, names)
    given = [str(root / name) for name in changed]
    expected = [
        path
        for path in images(root, None)
        if any(path == one or path.startswith(f"{one}/") for one in given)
    ]
    assert images(root, ChangedPaths.below(str(root), given)) == expected


def test_only_folders_on_the_way_are_listed(tmp_path: Path) -> None:
    make(tmp_path, ["a/b/1.png", "a/2.png", "c/3.png"])
    walk = FolderWalk(changed=ChangedPaths.below(str(tmp_path), [str(tmp_path / "a/b")]))
    assert [path.name for path in walk.images(tmp_path)] == ["1.png"]
    assert walk.changed is not None
    assert walk.changed.names_in(str(tmp_path)) == {"a"}
    assert walk.changed.names_in(str(tmp_path / "a/b")) is None
    assert walk.changed.names_in(str(tmp_path / "c")) == set()


def test_exclusions_hold_on_the_way(tmp_path: Path) -> None:
    make(tmp_path, [".hidden/1.png", "a/2.png", "a/3.gif"])
    (tmp_path / IGNORE_FILE).write_text("*.gif\n")
    given = [str(tmp_path / name) for name in (".hidden/1.png", "a/2.png", "a/3.gif")]
    assert images(tmp_path, ChangedPaths.below(str(tmp_path), given)) == [given[1]]


def test_an_ignore_file_stands_for_its_folder(tmp_path: Path) -> None:
    changed = ChangedPaths.below(str(tmp_path), [str(tmp_path / "a" / IGNORE_FILE)])
    assert changed.paths == {str(tmp_path / "a")}


def test_what_is_elsewhere_or_in_another_is_left_out(tmp_path: Path) -> None:
    inside = [str(tmp_path / "a"), str(tmp_path / "a/b/c.png")]
    changed = ChangedPaths.below(str(tmp_path), [*inside, f"{tmp_path}x/d.png", "/"])
    assert changed.paths == {inside[0]}
