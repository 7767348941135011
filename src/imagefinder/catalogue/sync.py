"""Sync: the catalogue follows a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imagefinder._utils.concurrency import batched
from imagefinder._utils.text import one_line
from imagefinder.catalogue.absence import absent_folders, is_below, is_gone
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.contents import add
from imagefinder.catalogue.mounts import renew_mounts
from imagefinder.errors import NotFound
from imagefinder.images.inputs import absolute, is_storable
from imagefinder.types import Failure, Progress, Report

_PAGE = 1000  # paths removed in one step


def sync(
    catalogue: Catalogue,
    folder: str | os.PathLike[str],
    progress: Progress = iter,
    *,
    checksum: bool = False,
    force: bool = False,
) -> Report:
    """Add what is new or changed in a folder, and remove what is gone; see ``Finder.sync``."""
    store, root = catalogue.store, str(absolute(folder))
    _check_folder(root)
    report = add(catalogue, Path(root), progress=progress, checksum=checksum)
    gone = [path for path in store.iter_paths(root) if is_gone(path)]
    absent = {} if force else absent_folders(store, root, gone)
    kept = [_kept(one, reason, gone) for one, reason in absent.items()]
    if root in absent and not report.done:
        raise NotFound(f"{root}: {next(one.reason for one in kept if one.path == root)}")
    removed = [path for path in gone if not is_below(path, absent)]
    count = sum(store.remove_files(batch) for batch in batched(removed, _PAGE))
    renew_mounts(store, root, absent)
    return replace(report, removed=count, kept=tuple(kept))


def _check_folder(root: str) -> None:
    """Raises NotFound for what is no folder that can be read."""
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


def _kept(folder: str, reason: str, gone: Sequence[str]) -> Failure:
    count = sum(is_below(path, [folder]) for path in gone)
    return Failure(
        folder,
        f"{reason}, so its {count:,} images stay in the catalogue; "
        f"if you deleted them: imagefinder sync --force",
    )
