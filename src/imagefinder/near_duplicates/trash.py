"""Moving superfluous copies to the system's trash. Nothing is deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imagefinder._utils.text import one_line
from imagefinder.near_duplicates.selection import Selection, Superfluous, holds_image
from imagefinder.types import Failure, Progress, Store


@dataclass(frozen=True)
class Trashed:
    """What became of a selection."""

    files: tuple[Superfluous, ...]
    """Those in the trash now, which are no longer in the catalogue."""
    failed: tuple[Failure, ...]
    """Those that are where they were."""


def trash(store: Store, selection: Selection, progress: Progress = iter) -> Trashed:
    """Move the files to the trash, and take them out of the catalogue.

    Each is checked once more: it still holds its image, and the file that stays holds the best one.
    An image leaves the catalogue with the last of its files.
    """
    from send2trash import send2trash  # it looks for the system's trash when it is imported

    files, failed = [], []
    for one in progress(selection.files):
        reason = _moved(one, send2trash)
        if reason is None:
            store.remove_files([one.path])
            files.append(one)
        else:
            failed.append(Failure(one.path, reason))
    return Trashed(tuple(files), tuple(failed))


def _moved(one: Superfluous, move: Callable[[str], None]) -> str | None:
    """Move a file; why it could not be moved, or None."""
    if not holds_image(one.kept_record, one.kept):
        return f"it stays, since {one.kept} is gone or cannot be read"
    if not holds_image(one.record, one.path):
        return "it has changed, or cannot be read"
    try:
        if Path(one.path).samefile(one.kept):
            return f"it is the same file as {one.kept}"
        move(one.path)
    except Exception as error:  # each system has errors of its own
        return f"it could not be moved to the trash: {one_line(error)}"
    return "it is still there" if os.path.lexists(one.path) else None
