"""Mount points: on which disks a catalogue's folders were when it last read them."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imagefinder.catalogue.metadata import change_metadata
from imagefinder.types import Store

_NAME = "mounts"


@dataclass(frozen=True)
class Mount:
    """The disk that a folder is on."""

    point: str
    """Where it is mounted: the folder itself, or one above it."""
    disk: int
    """Its number, which stays the same on most file systems; 0 if it has none."""

    @property
    def is_away(self) -> bool:
        """Whether nothing is mounted there now."""
        return not os.path.ismount(self.point)

    @property
    def is_another(self) -> bool:
        """Whether another disk is mounted there now."""
        return bool(self.disk) and _disk(self.point) not in (0, self.disk)


def mount_of(folder: str) -> Mount | None:
    """The mount that a folder is on; None on the root file system, which is never away."""
    point = Path(os.path.realpath(folder))
    while not os.path.ismount(point):
        point = point.parent
    return None if point == point.parent else Mount(str(point), _disk(str(point)))


def known_mounts(store: Store) -> dict[str, Mount]:
    """The mounts of the folders that were read, by folder."""
    return _parsed(store.get_metadata(_NAME))


def note_mounts(store: Store, folders: Iterable[str]) -> None:
    """Note on which disks folders are; what is known already stays.

    Only ``renew_mounts`` replaces that, after it was used to find out what is away.
    """
    now = {folder: mount for folder in folders if (mount := mount_of(folder))}
    if now:
        change_metadata(store, _NAME, lambda text: _formatted(now | _parsed(text)))


def renew_mounts(store: Store, root: str, absent: Container[str]) -> None:
    """Note anew what is mounted in a folder, but for folders that are absent."""
    if known_mounts(store):
        change_metadata(
            store, _NAME, lambda text: _formatted(_renewed(_parsed(text), root, absent))
        )


def _renewed(known: Mapping[str, Mount], root: str, absent: Container[str]) -> dict[str, Mount]:
    kept, own = {}, mount_of(root)
    for folder, mount in known.items():
        inside = f"{folder}{os.sep}".startswith(root.rstrip(os.sep) + os.sep)
        now = mount if folder in absent or not inside else mount_of(folder)
        if now and (folder == root or not inside or now != own):
            kept[folder] = now
    return kept


def _parsed(text: str | None) -> dict[str, Mount]:
    stored = json.loads(text or "{}")
    return {folder: Mount(point, disk) for folder, (point, disk) in stored.items()}


def _formatted(mounts: Mapping[str, Mount]) -> str:
    return json.dumps({folder: (mount.point, mount.disk) for folder, mount in mounts.items()})


def _disk(point: str) -> int:
    if not hasattr(os, "statvfs"):
        return 0
    try:
        return os.statvfs(point).f_fsid
    except OSError:
        return 0
