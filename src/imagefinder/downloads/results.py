"""What became of a list, as a CSV beside the images: a line for each of its URLs."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder.downloads.state import Failed, Ledger, StoredImage
from imagefinder.downloads.url_list import Wanted

NAME = "results.csv"
COLUMNS = (
    "row", "url", "status", "reason", "detail", "path", "sha256", "size", "width", "height",
    "metadata",
)  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """Of the URLs of a list."""

    rows: int
    urls: int
    done: int
    """URLs that gave an image."""
    images: int
    """Distinct ones."""
    failed: dict[str, int]
    """URLs that gave none, by reason, the most frequent first."""
    empty: int
    """Rows without a URL."""
    run: int
    """The number of this list among those of the folder; ``described`` takes it."""


def write_results(wanted: Iterable[Wanted], ledger: Ledger, folder: Path) -> Counts:
    """Write ``results.csv`` in one step, and describe the images by the rows they came from."""
    beside = folder / f".{NAME}.part"
    rows = done = images = 0
    failed: Counter[str] = Counter()
    with ledger.describing() as describe:
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(COLUMNS)
            for one in wanted:
                outcome = _outcome(one, ledger)
                writer.writerow(_line(one, outcome))
                rows = one.row
                if isinstance(outcome, Failed):
                    failed[outcome.reason] += 1
                else:
                    done += 1
                    images += describe(outcome, one.row, one.metadata)
        os.replace(beside, folder / NAME)
    empty = failed.pop(_EMPTY.reason, 0)
    urls = done + failed.total()
    return Counts(rows, urls, done, images, dict(failed.most_common()), empty, describe.run)


_EMPTY = Failed("no-url", "the row has no URL")
_UNTRIED = Failed("untried", "its file vanished meanwhile: run it again")


def _outcome(one: Wanted, ledger: Ledger) -> StoredImage | Failed:
    if one.url is None:
        return _EMPTY
    return ledger.outcome(one.url) or _UNTRIED


def _line(one: Wanted, outcome: StoredImage | Failed) -> list[Any]:
    metadata = json.dumps(one.metadata, ensure_ascii=False)
    if isinstance(outcome, Failed):
        told: list[Any] = ["failed", outcome.reason, outcome.detail, "", "", "", "", ""]
    else:
        about = (outcome.sha256.hex(), outcome.size, outcome.width, outcome.height)
        told = ["done", "", "", outcome.name, *about]
    return [one.row, one.url or "", *told, metadata]
