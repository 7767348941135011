"""Download results: a CSV beside the images, with a line for each URL of the list."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.spreadsheet import text_cell
from imagefinder.downloads.embedded_images import EmbeddedImages
from imagefinder.downloads.list_row import ListRow
from imagefinder.downloads.results_file import COLUMNS, NAME
from imagefinder.downloads.state import DownloadState, FailedUrl, UrlOutcome
from imagefinder.downloads.state_file import is_filled
from imagefinder.downloads.url_list import UrlList
from imagefinder.errors import DownloadError


@dataclass(frozen=True)
class Counts:
    """How many URLs of a list gave an image, and why others did not."""

    rows: int
    urls: int
    done: int
    """URLs that gave an image."""
    images: int
    """Distinct images."""
    failed: dict[str, int]
    """URLs without an image, by reason, the most frequent first."""
    empty: int
    """Rows without a URL."""
    unusable: str | None
    """The first row that cannot be read, and why."""
    run: int
    """The number of this list among those of the folder, for ``described``."""


def check_folder(folder: Path, source: Path, force: bool) -> None:
    """Raise DownloadError, before anything is written, if ``results.csv`` is not of a download.

    ``force`` permits to replace a file of someone else, but not the list.
    """
    path = folder / NAME
    if path.exists() and path.samefile(source):
        raise DownloadError(
            f"{path} is the list itself, and would be replaced by the results: rename it, or "
            "download into another folder"
        )
    if os.path.lexists(path) and not force and not is_filled(folder):
        raise _foreign(path)


def check_results(state: DownloadState, folder: Path, force: bool) -> None:
    """Raise DownloadError if ``results.csv`` is not as a download left it, unless ``force``."""
    path = folder / NAME
    if os.path.lexists(path) and not (force or (path.is_file() and state.is_own_output(path))):
        raise _foreign(path)


def _foreign(path: Path) -> DownloadError:
    return DownloadError(
        f"{path} was not made by this command, or was edited since: move it away, download "
        "into another folder, or replace it with --force"
    )


def write_results(rows: UrlList | EmbeddedImages, state: DownloadState, folder: Path) -> Counts:
    """Write ``results.csv`` atomically, and the metadata of each image from its rows."""
    last = done = images = 0
    failed: Counter[str] = Counter()
    first: FailedUrl | None = None
    with atomic_write(folder / NAME) as temporary:
        with (
            state.metadata_writer(rows.path) as write_metadata,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(COLUMNS)
            for row in rows:
                outcome = _outcome(row, state)
                writer.writerow(_line(row, outcome))
                last = row.row
                if isinstance(outcome, FailedUrl):
                    failed[outcome.reason] += 1
                    first = first or (outcome if outcome.reason == _BAD_ROW else None)
                else:
                    done += 1
                    images += write_metadata(outcome, row.row, row.metadata)
        state.own_output(temporary)  # before it gets its name, or a kill between would disown it
    empty = failed.pop(_EMPTY.reason, 0)
    return Counts(
        rows=last,
        urls=done + failed.total(),
        done=done,
        images=images,
        failed=dict(failed.most_common()),
        empty=empty,
        unusable=first.detail if first else None,
        run=write_metadata.run,
    )


_BAD_ROW = "bad-row"
_EMPTY = FailedUrl("no-url", "the row has no URL")
_UNTRIED = FailedUrl("untried", "its file has disappeared: run the download again")


def _outcome(row: ListRow, state: DownloadState) -> UrlOutcome:
    if row.problem is not None:
        return FailedUrl(_BAD_ROW, row.problem)
    if row.url is None:
        return _EMPTY
    return state.outcome(row.url) or _UNTRIED


def _line(row: ListRow, outcome: UrlOutcome) -> list[Any]:
    metadata = json.dumps(row.metadata, ensure_ascii=False)
    if isinstance(outcome, FailedUrl):
        cells: list[Any] = ["failed", outcome.reason, text_cell(outcome.detail), *[""] * 5]
    else:
        about = (outcome.sha256.hex(), outcome.size, outcome.width, outcome.height)
        cells = ["done", "", "", outcome.name, *about]
    return [row.row, text_cell(row.url or ""), *cells, metadata]
