"""The walk through a folder: which images are in it, and what is passed over."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from imagefinder.images.changed_paths import ChangedPaths
from imagefinder.images.exclusions import IGNORE_FILE, Exclusions
from imagefinder.images.files import is_utf8
from imagefinder.images.kinds import IMAGE, UNKNOWN, has_image_signature, kind_of

_EXAMPLES = 3

_Entry: TypeAlias = "os.DirEntry[str]"
_Seen: TypeAlias = "dict[tuple[int, int], int]"


@dataclass
class Skipped:
    """What was passed over, by kind: how many, and the first few."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, path: str) -> None:
        """One more; a folder counts as one."""
        self.counts[kind] += 1
        if self.counts[kind] <= _EXAMPLES:
            self.examples.setdefault(kind, []).append(path)


@dataclass
class FolderWalk:
    """Finds the images in folders, and notes what it passes over.

    Images are told by the end of their name, or by their first bytes where that is unknown. Links
    to folders are not followed, and a folder that is reached twice (through a bind mount) is
    walked once.
    """

    globs: Sequence[str] = ()
    """The catalogue's; see ``exclusions``."""
    changed: ChangedPaths | None = None
    """The only paths to look at; ``None`` looks at all."""
    errors: list[OSError] = field(default_factory=list)
    """Of folders that cannot be listed, or whose ignore file cannot be used."""
    skipped: Skipped = field(default_factory=Skipped)
    excluded: set[str] = field(default_factory=set)
    """The folders and files that are excluded or hidden."""
    disks: list[str] = field(default_factory=list)
    """The folders walked from, and those found that are on another disk than what they are in."""

    def images(self, root: str | os.PathLike[str]) -> Iterator[Path]:
        """The images in a folder and its subfolders, in order of names.

        A loop, not a recursion: folders may be nested deeper than calls. Raises ValueError for a
        glob that is none.
        """
        seen: _Seen = {}
        self.disks.append(os.fspath(root))
        try:
            exclusions = Exclusions.above(os.path.abspath(root), self.globs)
            waiting = [(os.fspath(root), exclusions, os.stat(root).st_dev)]
        except OSError as error:
            self.errors.append(error)
            return
        while waiting:
            folder, exclusions, device = waiting.pop()
            place = os.path.abspath(folder)
            try:
                listed = _listed(folder)
                exclusions = exclusions.inside(place)
                status = os.stat(folder)
            except OSError as error:
                error.filename = error.filename or folder  # a listing that breaks off has none
                self.errors.append(error)
                continue
            if status.st_dev != device:
                self.disks.append(folder)
            if _is_known(seen, status, [*listed[0], *listed[1]]):
                self.skipped.note("folder found already", folder)
                continue
            folders, files = (self._to_look_at(entries, place) for entries in listed)
            yield from (Path(one.path) for one in files if self._is_image(one, place, exclusions))
            below = [one.path for one in folders if self._is_entered(one, place, exclusions)]
            waiting += [(path, exclusions, status.st_dev) for path in reversed(below)]

    def _to_look_at(self, entries: list[_Entry], folder: str) -> list[_Entry]:
        names = self.changed.names_in(folder) if self.changed else None
        return entries if names is None else [one for one in entries if one.name in names]

    def _is_entered(self, entry: _Entry, parent: str, exclusions: Exclusions) -> bool:
        kind = self._exclusion(entry, parent, exclusions, is_folder=True)
        if kind is None and entry.is_symlink():
            kind = "link to a folder"
        if kind is not None:
            self.skipped.note(kind, entry.path)
        return kind is None

    def _is_image(self, entry: _Entry, parent: str, exclusions: Exclusions) -> bool:
        if entry.name == IGNORE_FILE:
            return False
        kind = self._exclusion(entry, parent, exclusions, is_folder=False)
        kind = kind or kind_of(entry.name) or _kind_of_content(entry)
        if kind != IMAGE:
            self.skipped.note(kind, entry.path)
        return kind == IMAGE

    def _exclusion(
        self, entry: _Entry, parent: str, exclusions: Exclusions, is_folder: bool
    ) -> str | None:
        kind = exclusions.kind(parent, entry.name, is_folder)
        if kind is not None:
            self.excluded.add(entry.path)
        return kind


def _listed(folder: str) -> tuple[list[_Entry], list[_Entry]]:
    """The folders (and links to folders) in a folder, and the files, by name. Raises OSError."""
    folders: list[_Entry] = []
    files: list[_Entry] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (folders if _is_folder(entry) else files).append(entry)
    return sorted(folders, key=_name), sorted(files, key=_name)


def _name(entry: _Entry) -> str:
    return entry.name


def _is_folder(entry: _Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _is_known(seen: _Seen, status: os.stat_result, entries: Sequence[_Entry]) -> bool:
    """Whether the folder was seen already; notes it.

    The same device and inode are not enough: some network file systems number as they please.
    """
    content = hash((status.st_mtime_ns, tuple(map(_name, entries))))
    place = (status.st_dev, status.st_ino)
    known = bool(entries) and seen.get(place) == content
    seen[place] = content
    return known


def _kind_of_content(entry: _Entry) -> str:
    """The kind of a file whose name does not tell it."""
    try:
        if entry.is_file():
            if not is_utf8(entry.name):  # not opened, which would be an event for those who watch
                return "name that is not UTF-8"
            return IMAGE if has_image_signature(entry.path) else UNKNOWN
    except OSError:
        if not entry.is_symlink():
            return "unreadable"
    return "broken link" if entry.is_symlink() else "special file"


def find_images(
    folder: str | os.PathLike[str], unreadable: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """The images in a folder and its subfolders, in order of names, as FolderWalk finds them.

    At the end, ``unreadable`` is called for each folder that cannot be listed.
    """
    walk = FolderWalk()
    yield from walk.images(folder)
    if unreadable is not None:
        for error in walk.errors:
            unreadable(error)
