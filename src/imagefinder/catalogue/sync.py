"""Sync: the catalogue follows a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imagefinder._utils.concurrency import batched
from imagefinder._utils.text import one_line, plural
from imagefinder.catalogue.absence import absent_folders, enclosing, is_gone
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.contents import add
from imagefinder.catalogue.exclude import excluded
from imagefinder.catalogue.mounts import renew_mounts
from imagefinder.errors import NotFound
from imagefinder.images.changed_paths import ChangedPaths
from imagefinder.images.inputs import absolute, is_storable
from imagefinder.images.remote_files import is_remote
from imagefinder.images.walk import FolderWalk
from imagefinder.types import Failure, Progress, Report, Store

_PAGE = 1000  # paths removed in one step


def sync(
    catalogue: Catalogue,
    folder: str | os.PathLike[str],
    progress: Progress = iter,
    *,
    changed: Iterable[str] | None = None,
    checksum: bool = False,
    force: bool = False,
    remove_excluded: bool = False,
) -> Report:
    """Add what is new or changed in a folder, and remove what is gone; see ``Finder.sync``."""
    check_folder(folder)
    store, root = catalogue.store, str(absolute(folder))
    paths = None if changed is None else ChangedPaths.below(root, changed)
    walk = FolderWalk(excluded(store), paths)
    report = add(catalogue, Path(root), progress=progress, checksum=checksum, walk=walk)
    gone, outside = _gone_and_excluded(store, root, walk)
    absent = {} if force else absent_folders(store, root, gone)
    kept = _kept(absent, gone)
    if root in absent and not report.done:
        raise NotFound(f"{root}: {next(one.reason for one in kept if one.path == root)}")
    lost = (path for path in gone if not any(enclosing(path, absent)))
    # once more: their disk may have come back before its folder was looked at
    removed = _removed(store, filter(is_gone, lost))
    renew_mounts(store, root, absent)
    outside = [path for path in outside if not any(enclosing(path, absent))]
    if remove_excluded:
        removed += _removed(store, outside)
        warnings = report.warnings
    else:
        warnings = (*report.warnings, *_still_stored(root, len(outside)))
    return replace(report, removed=removed, kept=kept, warnings=warnings)


def _removed(store: Store, paths: Iterable[str]) -> int:
    """Remove paths; how many were stored."""
    return sum(store.remove_files(batch) for batch in batched(paths, _PAGE))


def _gone_and_excluded(store: Store, root: str, walk: FolderWalk) -> tuple[list[str], list[str]]:
    """Of the paths stored: those that are gone, and of the others those that are excluded."""
    gone: list[str] = []
    outside: list[str] = []
    for path in _stored_paths(store, root, walk.changed):
        if is_gone(path):
            gone.append(path)
        elif path in walk.excluded or any(enclosing(path, walk.excluded)):
            outside.append(path)
    return gone, outside


def _stored_paths(store: Store, root: str, changed: ChangedPaths | None) -> Iterator[str]:
    """The stored paths below a folder, or those of them that may have changed."""
    if changed is None:
        yield from store.iter_paths(root)
        return
    for batch in batched(sorted(changed.paths), _PAGE):
        yield from store.lookup_paths(list(filter(is_storable, batch)))
        for path in filter(is_storable, batch):
            if path in changed.former_folders or not Path(path).is_file():
                yield from store.iter_paths(path)


def _still_stored(root: str, count: int) -> list[Failure]:
    if not count:
        return []
    reason = (
        f"{count:,} files that are excluded are in the catalogue still; "
        "to take them out: imagefinder sync --remove-excluded"
    )
    return [Failure(root, reason)]


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Raises NotFound for what is no folder that can be read."""
    if is_remote(folder):
        raise NotFound(
            f"{folder} is no folder: what is new in an object store is taken in by "
            f"imagefinder add {folder}"
        )
    root = str(absolute(folder))
    try:
        with os.scandir(root):
            pass
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            f"there is no folder {root}; "
            f"to take its images out of the catalogue: imagefinder remove {root}"
        ) from error
    except OSError as error:
        raise NotFound(f"{root} cannot be read: {one_line(error)}") from error
    if not is_storable(root):
        raise NotFound(f"{root} has a name that is not UTF-8: rename it")


def _kept(absent: Mapping[str, str], gone: Sequence[str]) -> tuple[Failure, ...]:
    counts = Counter(folder for path in gone for folder in enclosing(path, absent))
    return tuple(
        Failure(
            folder,
            f"{reason}, so what it had stays in the catalogue ({plural(counts[folder], 'file')}); "
            "if you deleted them: imagefinder sync --force",
        )
        for folder, reason in absent.items()
    )
