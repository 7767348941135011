from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder.images.exclusions import check_globs, glob_of
from imagefinder.images.kinds import has_image_signature, kind_of
from imagefinder.images.walk import FolderWalk, find_images


def tree(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, *globs: str, below: str = ".") -> list[str]:
    walk = FolderWalk(globs)
    return [path.relative_to(root).as_posix() for path in walk.images(root / below)]


def skipped(root: Path) -> dict[str, int]:
    walk = FolderWalk()
    for _ in walk.images(root):
        pass
    return dict(walk.skipped.counts)


def test_images_are_found_in_order_of_their_names(tmp_path: Path) -> None:
    tree(tmp_path, "b/2.jpg", "b/1.jpg", "a/z/9.png", "a/3.jpg", "z.gif", "y.gif")
    assert found(tmp_path) == ["y.gif", "z.gif", "a/3.jpg", "a/z/9.png", "b/1.jpg", "b/2.jpg"]


def test_only_names_that_end_as_images_do_are_found(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "b.JPEG", "c.Png", "d.txt", "e", "f.jpg.part", "g.heic", "jpg", "h.svg")
    assert found(tmp_path) == ["a.jpg", "b.JPEG", "c.Png", "g.heic"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    tree(tmp_path, ".a.jpg", ".cache/b.jpg", "c/.d/e.jpg", "c/f.jpg")
    assert found(tmp_path) == ["c/f.jpg"]


def test_links_to_folders_are_not_followed_so_loops_end(tmp_path: Path) -> None:
    tree(tmp_path, "a/b.jpg")
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a/b.jpg")
    assert found(tmp_path) == ["link.jpg", "a/b.jpg"]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    told: list[OSError] = []
    assert list(find_images(tmp_path / "none", told.append)) == []
    assert [type(error) for error in told] == [FileNotFoundError]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "image"),
        ("IMG_1.CR2", "raw"),
        ("clip.mov", "video"),
        ("Thumbs.db", "system file"),
        ("a.jpg~", "unfinished or backup"),
        ("a.jpg.part", "unfinished or backup"),
        ("drawing.svg", "other image format"),
        ("scan.jpg ", "image"),
        ("noending", None),
        ("a.jpg_large", None),
    ],
)
def test_the_end_of_a_name_tells_a_kind(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_an_image_is_known_by_its_first_bytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "noending"
    PIL.Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(path, kind)
    assert has_image_signature(str(path))
    assert list(find_images(tmp_path)) == [path]


def test_a_tiff_with_64_bit_offsets_is_known_too(tmp_path: Path) -> None:
    path = tmp_path / "noending"
    PIL.Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(path, "TIFF", big_tiff=True)
    assert path.read_bytes()[2] == 43
    assert list(find_images(tmp_path)) == [path]


@pytest.mark.parametrize(
    "content", [b"", b"BMW is a make of cars, as many know well", b"RIFF0000WAVE"]
)
def test_what_only_resembles_one_is_not(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "noending").write_bytes(content)
    assert skipped(tmp_path) == {"not an image": 1}


def test_what_is_passed_over_is_counted_by_kind_with_examples(tmp_path: Path) -> None:
    tree(tmp_path, *(f"{n}.nef" for n in range(5)), "a.mp4", ".b.jpg", ".c/d.jpg", "e.txt", "f.jpg")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    walk = FolderWalk()
    assert [path.name for path in walk.images(tmp_path)] == ["f.jpg"]
    assert walk.skipped.counts == {
        "raw": 5, "video": 1, "hidden": 2, "document": 1, "link to a folder": 1, "broken link": 2,
    }  # fmt: skip
    assert walk.skipped.examples["raw"] == [str(tmp_path / f"{n}.nef") for n in range(3)]


def test_nothing_but_a_regular_file_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert skipped(tmp_path) == {"special file": 2}
    assert not has_image_signature(str(tmp_path / "pipe"))


def test_thumbnails_previews_and_trash_are_passed_over(tmp_path: Path) -> None:
    library = "Photos Library.photoslibrary"
    tree(
        tmp_path,
        *(
            "a.jpg",
            "@eaDir/a.jpg/THUMB.jpg",
            "#recycle/b.jpg",
            "$RECYCLE.BIN/c.jpg",
            "__MACOSX/d.jpg",
        ),
        *(
            "lost+found/e.jpg",
            ".Trash-1000/f.jpg",
            "node_modules/x/g.jpg",
            "Cat Previews.lrdata/h.jpg",
        ),
        *(f"{library}/resources/derivatives/i.jpg", f"{library}/originals/0/j.jpg"),
    )
    assert found(tmp_path) == ["a.jpg", f"{library}/originals/0/j.jpg"]
    assert found(tmp_path, "!@eaDir") == [
        "a.jpg",
        "@eaDir/a.jpg/THUMB.jpg",
        f"{library}/originals/0/j.jpg",
    ]
    assert found(tmp_path, below="@eaDir") == ["@eaDir/a.jpg/THUMB.jpg"], "it was asked for"


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        (["*.gif"], ["c.jpg", "a/f.jpg", "a/b/e.jpg", "b/g.jpg"]),
        (["*.gif", "!d.gif"], ["c.jpg", "a/f.jpg", "a/b/d.gif", "a/b/e.jpg", "b/g.jpg"]),
        (["b/"], ["c.jpg", "h.gif", "a/f.jpg"]),
        (["a/b"], ["c.jpg", "h.gif", "a/f.jpg", "b/g.jpg"]),
        (["./a/b/"], ["c.jpg", "h.gif", "a/f.jpg", "b/g.jpg"]),
        (["a/**/*.jpg"], ["c.jpg", "h.gif", "a/b/d.gif", "b/g.jpg"]),
        (["*"], []),
    ],
)
def test_globs_are_those_of_a_gitignore(globs: list[str], left: list[str], tmp_path: Path) -> None:
    tree(tmp_path, "c.jpg", "h.gif", "a/b/d.gif", "a/b/e.jpg", "a/f.jpg", "b/g.jpg")
    assert found(tmp_path, *globs) == left


def test_a_glob_holds_wherever_a_walk_begins(tmp_path: Path) -> None:
    tree(tmp_path, "a/b/c.jpg", "a/d.jpg")
    for glob in ("a/b", f"{tmp_path}/a/b"):
        assert found(tmp_path, glob) == found(tmp_path, glob, below="a") == ["a/d.jpg"]
        assert found(tmp_path, glob, below="a/b") == ["a/b/c.jpg"], "it was asked for"


@pytest.mark.parametrize(
    "name", ["[x] *?", "#1", "!", "\\", "a b ", "new\nline", "tab\t", "ends\n", "-", "ü"]
)
def test_the_glob_of_a_path_matches_just_that(name: str, tmp_path: Path) -> None:
    tree(tmp_path, f"{name}/a.jpg", "x/b.jpg")
    glob = glob_of(str(tmp_path / name))
    check_globs([glob])
    assert found(tmp_path, glob) == ["x/b.jpg"]


@pytest.mark.parametrize("glob", ["", " ", "!", "a\\", "a\0", "[", "/"])
def test_what_is_no_glob_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match=r"glob|pattern"):
        check_globs([glob])


def test_names_typed_composed_match_decomposed_ones(tmp_path: Path) -> None:
    tree(tmp_path, "E\N{COMBINING ACUTE ACCENT}te/a.jpg", "b.jpg")
    assert found(tmp_path, "\N{LATIN CAPITAL LETTER E WITH ACUTE}te") == ["b.jpg"]


def test_ignore_files_hold_below_them_and_the_deepest_decides(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "b/a.jpg", "b/c.jpg", "b/keep/c.jpg", "private/d.jpg")
    (tmp_path / ".imagefinderignore").write_text("# mine\n/a.jpg\nprivate/\nc.jpg\n")
    (tmp_path / "b/keep/.imagefinderignore").write_text("!c.jpg\n")
    assert found(tmp_path) == ["b/a.jpg", "b/keep/c.jpg"]
    assert found(tmp_path, "keep") == ["b/a.jpg"], "the catalogue's globs go before"
    assert found(tmp_path, below="b") == ["b/a.jpg", "b/keep/c.jpg"]


@pytest.mark.parametrize("content", [b"\xff\xfe*", b"ok\na\\\n", b"#" * 2**21])
def test_a_folder_whose_ignore_file_is_unusable_is_left_alone(
    content: bytes, tmp_path: Path
) -> None:
    tree(tmp_path, "a.jpg", "b/c.jpg")
    (tmp_path / "b/.imagefinderignore").write_bytes(content)
    told: list[OSError] = []
    assert [path.name for path in find_images(tmp_path, told.append)] == ["a.jpg"]
    assert [(error.filename, "left alone" in str(error)) for error in told] == [
        (str(tmp_path / "b/.imagefinderignore"), True)
    ]


def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("a.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    found = list(find_images(tmp_path))
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # noqa: S607  too deep for shutil
    assert len(found) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may mount")
def test_a_folder_mounted_in_two_places_is_walked_once(tmp_path: Path) -> None:
    tree(tmp_path, "a/b.jpg", "other/c.jpg")
    (tmp_path / "again").mkdir()
    bound = ["mount", "--bind", str(tmp_path / "a"), str(tmp_path / "again")]
    if subprocess.run(bound, capture_output=True).returncode:
        pytest.skip("this system does not let us mount")
    try:
        assert found(tmp_path) == ["a/b.jpg", "other/c.jpg"]
        assert skipped(tmp_path) == {"folder found already": 1}
    finally:
        subprocess.run(["umount", str(tmp_path / "again")], check=True)  # noqa: S607


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_and_tells_nothing_is_passed_over(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9")).write_bytes(b"\xff\xd8\xff")
    walk = FolderWalk()
    assert list(walk.images(tmp_path)) == []
    assert walk.skipped.counts == {"name that is not UTF-8": 1}
