"""Download results: a CSV beside the images, with a line for each URL of the list."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder.downloads.state import DownloadState, FailedUrl, UrlOutcome
from imagefinder.downloads.url_list import ListRow

NAME = "results.csv"
COLUMNS = (
    "row", "url", "status", "reason", "detail", "path", "sha256", "size", "width", "height",
    "metadata",
)  # fmt: skip


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
    run: int
    """The number of this list among those of the folder, for ``described``."""


def write_results(rows: Iterable[ListRow], state: DownloadState, folder: Path) -> Counts:
    """Write ``results.csv`` atomically, and the metadata of each image from its first row."""
    for stale in folder.glob(f".*-{NAME}"):  # of a run that was killed
        stale.unlink(missing_ok=True)
    last = done = images = 0
    failed: Counter[str] = Counter()
    with (
        state.metadata_writer() as write_metadata,
        atomic_write(folder / NAME) as temporary,
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
            else:
                done += 1
                images += write_metadata(outcome, row.row, row.metadata)
    empty = failed.pop(_EMPTY.reason, 0)
    urls = done + failed.total()
    return Counts(last, urls, done, images, dict(failed.most_common()), empty, write_metadata.run)


_EMPTY = FailedUrl("no-url", "the row has no URL")
_UNTRIED = FailedUrl("untried", "its file has disappeared: run the download again")


def _outcome(row: ListRow, state: DownloadState) -> UrlOutcome:
    if row.url is None:
        return _EMPTY
    return state.outcome(row.url) or _UNTRIED


def _line(row: ListRow, outcome: UrlOutcome) -> list[Any]:
    metadata = json.dumps(row.metadata, ensure_ascii=False)
    if isinstance(outcome, FailedUrl):
        cells: list[Any] = ["failed", outcome.reason, outcome.detail, "", "", "", "", ""]
    else:
        about = (outcome.sha256.hex(), outcome.size, outcome.width, outcome.height)
        cells = ["done", "", "", outcome.name, *about]
    return [row.row, row.url or "", *cells, metadata]
