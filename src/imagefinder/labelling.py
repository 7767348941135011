"""Which pictures belong together, as their folders say, or a table of pairs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from imagefinder.evaluation.pairs import lines
from imagefinder.inputs import absolute
from imagefinder.query import is_id
from imagefinder.types import Record

Label: TypeAlias = Callable[[Record], str]
"""What pictures share that belong together; a picture that belongs to none has its own."""


def labelling(labels: str | os.PathLike[str]) -> Label:
    """``"folder"``: its name; or a CSV file as ``evaluate`` takes it, with paths or ids.

    Raises EvaluationError for a file that is no such table.
    """
    if labels == "folder":
        return lambda record: Path(record.path).parent.name if record.path else record.id
    groups = _groups(absolute(labels))

    def label(record: Record) -> str:
        names = (record.id, *(file.path for file in record.files))
        return next((groups[name] for name in names if name in groups), record.id)

    return label


def _groups(file: Path) -> dict[str, str]:
    """Each path or id that is named, with one that stands for all that pairs tie to it."""
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for _, *pair in lines(file):
        one, other = (
            name if is_id(name) else str(absolute(file.parent / os.path.expanduser(name)))
            for name in pair
        )
        leader[first(one)] = first(other)
    return {name: first(name) for name in leader}
