"""Rows of a list: a URL or an image each, with metadata that JSON and a store can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagefinder.downloads.table_row import Cells, TableRow
from imagefinder.images.metadata import MAX_DEPTH, metadata_problem


@dataclass(frozen=True)
class ListRow:
    """One image of a list, or a row without any."""

    row: int
    """Counted from 1, without the header."""
    url: str | None
    """Where it is; of an image that is in the list itself, ``sha256:`` and its hash."""
    metadata: Cells
    """The other non-empty cells of the row, and this URL under the name of its column."""
    problem: str | None = None
    """Why the row cannot be used; its URL is ``None`` then."""
    content: bytes | None = field(default=None, repr=False)
    """The file of an image that is in the list itself."""


def list_row(number: int, row: TableRow, url: str | None, content: bytes | None = None) -> ListRow:
    """A row whose cells are its metadata, or why it cannot be used."""
    problem = row.problem or _nesting_problem(number, row.cells)
    if problem is None:
        metadata = json_values(row.cells)
        too_much = metadata_problem(metadata)
        problem = too_much and f"row {number}: {too_much}"
    if problem is not None:
        return ListRow(number, None, {}, problem)
    return ListRow(number, url, metadata, content=content)


def json_values(cells: Cells) -> dict[str, Any]:
    """The cells that are not empty, as what JSON and a store can hold."""
    values = {utf8(str(name)): _json_value(cell) for name, cell in cells.items()}
    return {name: cell for name, cell in values.items() if cell not in (None, "", [], {})}


def utf8(text: str) -> str:
    """Encodable as UTF-8: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _nesting_problem(number: int, cells: Cells) -> str | None:
    if all(not isinstance(cell, dict | list) or _is_flat(cell) for cell in cells.values()):
        return None
    return f"row {number}: a cell is nested more than {MAX_DEPTH} levels deep"


def _is_flat(cell: Any, levels: int = MAX_DEPTH) -> bool:
    if not isinstance(cell, dict | list | tuple):
        return True
    inner = cell.values() if isinstance(cell, dict) else cell
    return levels > 0 and all(_is_flat(one, levels - 1) for one in inner)


def _json_value(cell: Any) -> Any:
    if isinstance(cell, str):
        return utf8(cell.strip())
    if isinstance(cell, bytes | bytearray):
        return None
    if isinstance(cell, Mapping):
        return {utf8(str(name)): _json_value(inner) for name, inner in cell.items()}
    if isinstance(cell, list | tuple):
        return [_json_value(inner) for inner in cell]
    if isinstance(cell, float):
        return cell if cell - cell == 0 else None  # neither infinite nor NaN
    return cell if cell is None or isinstance(cell, bool | int) else str(cell)
