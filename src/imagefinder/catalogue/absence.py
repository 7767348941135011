"""Absent disks: which folders of a catalogue only seem to have lost their images.

A folder that was deleted by hand and one whose disk is away look the same to a program, but taking
images out loses their metadata. So three signs count as a disk that is away: nothing is mounted
where the folder's disk was, another disk is, or the folder is there without any image although it
had many. A folder that is gone from one that still has images was deleted.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.mounts import Mount, known_mounts
from imagefinder.images.stored_files import any_exists
from imagefinder.images.walk import find_images
from imagefinder.types import Store

_MANY = 5  # images; fewer were probably deleted, and are quickly added again
_PAGE = 1000


def absent_folders(store: Store, root: str, gone: Sequence[str]) -> dict[str, str]:
    """The folders to which stored paths that are gone will probably come back, and why."""
    found = {
        folder: reason
        for folder, mount in known_mounts(store).items()
        if (reason := _absence(store, folder, mount, gone))
    }
    rest = [path for path in gone if not any(enclosing(path, found))]
    emptied = _EmptiedFolders(Path(root))
    counts = Counter(emptied.above(path) for path in rest)
    lost = {emptied.above(path) for path in _lost(store, rest)}
    for folder, count in counts.items():
        if folder is None:
            continue
        many = count >= _MANY or Path(folder).is_symlink()
        if folder == root or (many and folder in lost):
            found[folder] = "there is no image in it any more (is its disk mounted?)"
    return found


def is_gone(path: str) -> bool:
    """Whether there is certainly no file any more; an inaccessible one may still exist."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return not _leads_away(Path(path))
    except (OSError, ValueError):
        return False


def enclosing(path: str, folders: Collection[str]) -> Iterator[str]:
    """Those of the folders that a path is in, however deep."""
    end = path.rfind(os.sep)
    while end >= 0 and folders:
        folder = path[:end] or os.sep
        if folder in folders:
            yield folder
        end = path.rfind(os.sep, 0, end)


def _absence(store: Store, folder: str, mount: Mount, gone: Sequence[str]) -> str | None:
    """Why the paths in a folder may be gone, by what is mounted."""
    missing = sum(any(enclosing(path, (folder,))) for path in gone)
    if not missing:
        return None
    if mount.is_away:
        return f"nothing is mounted at {mount.point}"
    # some file systems number disks anew at each start, so that alone is no reason
    if mount.is_another and 2 * missing >= sum(1 for _ in store.iter_paths(folder)):
        return f"another disk is mounted at {mount.point}"
    return None


def _leads_away(link: Path) -> bool:
    """Whether it is a link to a folder that is missing or has no image: its disk may be away."""
    if not link.is_symlink():
        return False
    return next(find_images(Path(os.path.realpath(link)).parent), None) is None


def _lost(store: Store, gone: Sequence[str]) -> Iterator[str]:
    """Those of the paths whose images have no other file that exists: moved ones are not lost."""
    for batch in batched(gone, _PAGE):
        stored = store.lookup_paths(batch)
        records = store.get([file.key for file in stored.values()])
        kept = {key for key, record in records.items() if any_exists(record)}
        yield from (path for path, file in stored.items() if file.key not in kept)


@dataclass
class _EmptiedFolders:
    """Finds folders that are there, but without any image."""

    root: Path
    _above: dict[Path, str | None] = field(default_factory=dict)
    _known: dict[Path, bool] = field(default_factory=dict)

    def above(self, path: str) -> str | None:
        """The highest one above a path that is gone; None if its folder still has images."""
        parent = Path(path).parent
        if parent not in self._above:
            self._above[parent] = self._highest(parent)
        return self._above[parent]

    def _highest(self, folder: Path) -> str | None:
        while folder != self.root and not (os.path.isdir(folder) or folder.is_symlink()):
            folder = folder.parent
        found = None
        while self._is_empty(folder):
            found = folder
            if folder == self.root:
                break
            folder = folder.parent
        return None if found is None else str(found)

    def _is_empty(self, folder: Path) -> bool:
        if folder not in self._known:
            self._known[folder] = next(find_images(folder), None) is None
        return self._known[folder]
