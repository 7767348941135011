"""Rows of a list, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Cells: TypeAlias = Mapping[str, Any]

MOST_CELL = 2**20
"""Characters or bytes of a cell; more is not what a list of images has."""
MOST_ROW = 2**22
"""Characters of a row."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of a row by column, or why it cannot be used."""

    cells: Cells
    problem: str | None = None


def unique_names(header: Iterable[str]) -> list[str]:
    """The names of columns, each once: a second ``image`` is ``image (2)``."""
    names: dict[str, int] = {}  # and how often each was met
    for number, cell in enumerate(header, 1):
        name = base = cell.strip() or f"column {number}"
        while name in names:
            names[base] += 1
            name = f"{base} ({names[base]})"
        names[name] = 1
    return list(names)
