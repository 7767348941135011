"""A map as one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw

from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.thumbnails import thumbnails
from imagefinder.types import Progress, Resize
from imagefinder.visualization.map.grid import Grid, grid
from imagefinder.visualization.map.labels import lines, write, write_legend
from imagefinder.visualization.map.legend import legend
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.projection import Places

_PAPER = "#ffffff"
_BLANK = "#d0d7de"
_SMALL, _LARGE = 24, 240  # pixels of a cell
_FINE = 4  # times as finely corners are drawn


@dataclass(frozen=True)
class Drawn:
    """A map as an image."""

    image: PIL.Image.Image
    shown: int
    """Images that found room."""
    unreadable: int
    """Of these, those that could not be read."""


@dataclass(frozen=True)
class _Sheet:
    """The measures of the paper, in pixels."""

    width: int
    letters: int
    """Their size."""
    margin: int
    head: int
    """Where the map begins."""
    cell: int
    grid: Grid

    @property
    def room(self) -> int:
        """Between the margins."""
        return self.width - 2 * self.margin

    @property
    def foot(self) -> int:
        """Where the map ends."""
        return self.head + self.grid.rows * self.cell + self.margin // 2

    def corner(self, cell: NDArray[np.intp]) -> tuple[int, int]:
        """The upper left one of a cell, with a little room between it and its neighbours."""
        inset = self.margin + (self.room - self.grid.columns * self.cell) // 2 + _gap(self.cell)
        column, row = cell.tolist()
        return inset + column * self.cell, self.head + row * self.cell + _gap(self.cell)


def draw(
    found: Map, width: int = 2000, limits: Limits = LIMITS, progress: Progress = iter
) -> Drawn:
    """The map, so many pixels wide, with an image in each cell of a grid."""
    key = legend(found.groups)
    sheet = _sheet(found.places, width)
    cells = sheet.grid.cells
    legend_lines = len(lines(key, sheet.letters, sheet.room))
    height = sheet.foot + sheet.margin // 2 + 2 * sheet.letters * legend_lines
    paper = PIL.Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(paper)
    at = sheet.margin, sheet.margin // 2
    write(pen, at, f"{found.method} of {found.told()}", round(1.3 * sheet.letters), sheet.room)
    write_legend(pen, (sheet.margin, sheet.foot), key, sheet.letters, sheet.room)
    shown = np.flatnonzero(cells[:, 0] >= 0).tolist()
    side = sheet.cell - 2 * _gap(sheet.cell)
    frame = max(2, side // 16) if key.names else 0
    resize = Resize(side - 2 * frame, side - 2 * frame, "crop", filter="lanczos")
    outer, inner = _rounded(side), _rounded(resize.width)
    unreadable = 0
    small = thumbnails([found.records[one] for one in shown], resize, limits, progress)
    for one, pixels in zip(shown, small, strict=True):
        left, top = sheet.corner(cells[one])
        if key.names:
            paper.paste(key.colours[key.codes[one]], _box(left, top, side), outer)
        unreadable += pixels is None
        content = _BLANK if pixels is None else PIL.Image.fromarray(pixels)
        paper.paste(content, _box(left + frame, top + frame, resize.width), inner)
    return Drawn(paper, len(shown), unreadable)


def _sheet(places: Places, width: int) -> _Sheet:
    """Cells as large as there is room for, within reason."""
    letters = max(11, round(width / 80))
    margin = round(width / 40)
    room = width - 2 * margin
    cells = grid(places, room // _SMALL)
    cell = min(room // cells.columns, _LARGE)
    return _Sheet(width, letters, margin, margin + 2 * letters, cell, cells)


def _gap(cell: int) -> int:
    return max(1, cell // 40)


def _box(left: int, top: int, side: int) -> tuple[int, int, int, int]:
    return left, top, left + side, top + side


def _rounded(side: int) -> PIL.Image.Image:
    """A mask of a square with round corners."""
    fine = PIL.Image.new("L", (_FINE * side, _FINE * side), 0)
    square = (0, 0, _FINE * side - 1, _FINE * side - 1)
    ImageDraw.Draw(fine).rounded_rectangle(square, _FINE * side // 12, 255)
    return fine.resize((side, side), PIL.Image.Resampling.BOX)
