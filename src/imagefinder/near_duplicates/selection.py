"""Selection: which files to remove, so that each image stays once, as its best copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from imagefinder.images.locations import Location, locations
from imagefinder.images.opened_files import stored_file
from imagefinder.near_duplicates.groups import DuplicateGroup
from imagefinder.near_duplicates.traits import is_copy_name
from imagefinder.types import Failure, File, Record

IDENTICAL = "the same file"
"""Why a file is removed that has the bytes of the one that stays."""


@dataclass(frozen=True)
class Superfluous:
    """A file to remove, and the one that stays in its place."""

    path: str
    record: Record
    """Its image."""
    kept: str
    kept_record: Record
    why: tuple[str, ...]
    """Why the other one is better, or ``IDENTICAL``."""


@dataclass(frozen=True)
class Keep:
    """Which of identical files stays, and what is never selected."""

    newest: bool = False
    """The one that was modified last, instead of first."""
    folder: str | None = None
    """Files in it stay: an absolute path."""

    def holds(self, path: str) -> bool:
        """Whether a file is in the folder."""
        return self.folder is not None and PurePath(path).is_relative_to(self.folder)

    def rank(self, file: File, is_linked: bool) -> tuple[bool, bool, bool, int, int, str]:
        """Sorts the file that stays first.

        It is in the folder, something links to it, it is not named as a copy, it was modified
        first, and it is not deep in folders.
        """
        time = -file.mtime_ns if self.newest else file.mtime_ns
        named = not self.newest and is_copy_name(file.path)
        depth = len(PurePath(file.path).parts)
        return not self.holds(file.path), not is_linked, named, time, depth, file.path


@dataclass(frozen=True)
class Selection:
    """What to remove."""

    files: tuple[Superfluous, ...]
    left_out: tuple[Failure, ...]
    """Files that stay although they are copies, and why."""

    @property
    def bytes(self) -> int:
        """The size of all files to remove."""
        return sum(one.record.size for one in self.files)


def select(groups: Iterable[DuplicateGroup], keep: Keep | None = None) -> Selection:
    """All files but the best of each group, and of identical files all but one.

    Files are read: one that no longer holds its image is left out, and so is a group whose best
    image can be read nowhere. Links and files that are gone are no copies.
    """
    files: list[Superfluous] = []
    left_out: list[Failure] = []
    for group in groups:
        for one in _of_group(group, keep or Keep()):
            if isinstance(one, Failure):
                left_out.append(one)
            else:
                files.append(one)
    return Selection(tuple(files), tuple(left_out))


def kept_first(record: Record, keep: Keep | None = None) -> list[Location]:
    """All paths of an image: of its files first the one that stays, then links, then those gone."""
    found, rule = locations(record), keep or Keep()
    linked = {place.target for place in found if place.state == "link"}
    known = {file.path: file for file in record.files}

    files = [place for place in found if place.state == "file"]
    files.sort(key=lambda place: rule.rank(known[place.path], place.path in linked))
    return files + found[len(files) :]


def holds_image(record: Record, path: str) -> bool:
    """Whether the file at a path is readable and has the image's bytes."""
    files = [file for file in record.files if file.path == path]
    with stored_file(replace(record, files=tuple(files))) as opened:
        return opened is not None


def _of_group(group: DuplicateGroup, keep: Keep) -> Iterator[Superfluous | Failure]:
    best = _files(group.best, keep)
    kept = next((path for path in best if holds_image(group.best, path)), None)
    if kept is None:
        yield Failure(group.best.path or group.best.id, "no file of the best image can be read")
        return
    candidates: list[tuple[Record, str, tuple[str, ...]]] = [
        (group.best, path, (IDENTICAL,)) for path in best if path != kept
    ]
    for copy in group.copies:
        candidates += [(copy.record, path, copy.why) for path in _files(copy.record, keep)]
    for record, path, why in candidates:
        if keep.holds(path):
            yield Failure(path, f"in {keep.folder}, whose files stay")
        elif not holds_image(record, path):
            yield Failure(path, "it has changed, or cannot be read: run `imagefinder sync`")
        else:
            yield Superfluous(path, record, kept, group.best, why)


def _files(record: Record, keep: Keep) -> list[str]:
    """The paths of an image's distinct files, without links to them; what stays is the first."""
    return [place.path for place in kept_first(record, keep) if place.state == "file"]
