"""CSV table of near-duplicates: a row for each file, with what other programs know it by."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from imagefinder._utils.spreadsheet import path_cell
from imagefinder.images.opened_files import stored_file
from imagefinder.near_duplicates.groups import DuplicateGroup, NearDuplicate
from imagefinder.near_duplicates.selection import IDENTICAL, Keep, kept_first
from imagefinder.types import Record

COLUMNS: Final = (
    *("group", "role", "path", "sha1", "sha256", "id"),
    *("width", "height", "bytes", "score", "verdict", "probability", "why"),
)
"""``role`` is ``best``, ``identical`` (another file of the best image) or ``copy``, ``why`` is why
the best image is better, and ``sha1`` is empty for an image whose files cannot be read."""

_sha1 = partial(hashlib.sha1, usedforsecurity=False)  # a name, not a proof


def csv_table(
    groups: Iterable[DuplicateGroup], keep: Keep | None = None, folder: str | None = None
) -> Iterator[str]:
    """The lines of the table. Links, and files that are gone, have none.

    Paths in ``folder`` are relative to it, with forward slashes, and ``./`` before those that a
    spreadsheet would take for formulas; others are absolute.
    """
    yield _line(COLUMNS)
    for number, group in enumerate(groups, 1):
        for row in _rows(group, keep or Keep()):
            row |= {"group": number, "path": path_cell(_relative(row["path"], folder))}
            yield _line([row.get(name) for name in COLUMNS])


def _rows(group: DuplicateGroup, keep: Keep) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(_of_image(group.best, keep)):
        yield row | ({"role": "identical", "why": IDENTICAL} if number else {"role": "best"})
    for copy in group.copies:
        yield from (row | _of_copy(copy) for row in _of_image(copy.record, keep))


def _of_image(record: Record, keep: Keep) -> Iterator[dict[str, Any]]:
    """Of each of its files, the one that stays first."""
    about = {
        "sha1": _sha1_of(record),
        "sha256": record.sha256.hex(),
        "id": record.id,
        "width": record.width,
        "height": record.height,
        "bytes": record.size,
    }
    for place in kept_first(record, keep):
        if place.state == "file":
            yield {**about, "path": place.path}


def _of_copy(copy: NearDuplicate) -> dict[str, Any]:
    return {
        "role": "copy",
        "score": copy.score,
        "verdict": copy.verification.verdict,
        "probability": copy.verification.probability,
        "why": ", ".join(copy.why),
    }


def _sha1_of(record: Record) -> str | None:
    """Of a file that still has the image's bytes; the catalogue keeps only SHA-256."""
    with stored_file(record) as opened:
        return hashlib.file_digest(opened.stream, _sha1).hexdigest() if opened else None


def _relative(path: str, folder: str | None) -> str:
    pure = PurePath(path)
    if folder is None or not pure.is_relative_to(folder):
        return path
    return pure.relative_to(folder).as_posix()


def _line(cells: Iterable[Any]) -> str:
    with io.StringIO(newline="") as line:
        # all text is quoted: the module would leave a lone carriage return unquoted
        csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
        return line.getvalue()
