"""Map image: thumbnails in the cells of a grid, with a title and a legend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw

from imagefinder.images.limits import LIMITS, Limits
from imagefinder.images.thumbnails import thumbnails
from imagefinder.types import Progress, Resize
from imagefinder.visualization.map.grid import Grid, make_grid
from imagefinder.visualization.map.labels import draw_legend, draw_title, legend_lines
from imagefinder.visualization.map.legend import Legend, make_legend
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.projection import Coordinates

_PAPER = "#ffffff"
_BLANK = "#d0d7de"
_SMALL, _LARGE = 24, 240  # pixels of a cell
_OVERSAMPLING = 4  # of rounded corners


@dataclass(frozen=True)
class MapImage:
    """A map as an image."""

    image: PIL.Image.Image
    shown: int
    """Images that there was room for."""
    unreadable: int
    """Of these, those that could not be read."""


@dataclass(frozen=True)
class _Layout:
    """Measures of the drawing, in pixels."""

    width: int
    font_size: int
    margin: int
    top: int
    """Where the map begins."""
    cell: int
    grid: Grid

    @property
    def inner_width(self) -> int:
        """Between the margins."""
        return self.width - 2 * self.margin

    @property
    def bottom(self) -> int:
        """Where the map ends."""
        return self.top + self.grid.rows * self.cell + self.margin // 2

    @property
    def side(self) -> int:
        """Of the square in a cell, without the gap to its neighbors."""
        return self.cell - 2 * _gap(self.cell)

    def corner(self, cell: NDArray[np.intp]) -> tuple[int, int]:
        """The upper left corner of the square in a cell."""
        unused = self.inner_width - self.grid.columns * self.cell
        left = self.margin + unused // 2 + _gap(self.cell)
        column, row = cell.tolist()
        return left + column * self.cell, self.top + row * self.cell + _gap(self.cell)


def draw(
    found: Map, width: int = 2000, limits: Limits = LIMITS, progress: Progress = iter
) -> MapImage:
    """The map, ``width`` pixels wide, with an image in each cell of a grid."""
    legend = make_legend(found.groups)
    layout = _layout(found.coordinates, width)
    paper = _paper(found, legend, layout)
    shown = np.flatnonzero(layout.grid.cells[:, 0] >= 0).tolist()
    frame = max(2, layout.side // 16) if legend.names else 0
    inner = layout.side - 2 * frame
    resize = Resize(inner, inner, "crop", filter="lanczos")
    outer_mask, inner_mask = _rounded(layout.side), _rounded(inner)
    unreadable = 0
    small = thumbnails([found.records[one] for one in shown], resize, limits, progress)
    for one, pixels in zip(shown, small, strict=True):
        left, top = layout.corner(layout.grid.cells[one])
        if legend.names:
            color = legend.colors[legend.codes[one]]
            paper.paste(color, _box(left, top, layout.side), outer_mask)
        unreadable += pixels is None
        content = _BLANK if pixels is None else PIL.Image.fromarray(pixels)
        paper.paste(content, _box(left + frame, top + frame, inner), inner_mask)
    return MapImage(paper, len(shown), unreadable)


def _layout(coordinates: Coordinates, width: int) -> _Layout:
    """Cells as large as there is room for, within limits."""
    font_size = max(11, round(width / 80))
    margin = round(width / 40)
    inner = width - 2 * margin
    grid = make_grid(coordinates, inner // _SMALL)
    cell = min(inner // grid.columns, _LARGE)
    return _Layout(width, font_size, margin, margin + 2 * font_size, cell, grid)


def _paper(found: Map, legend: Legend, layout: _Layout) -> PIL.Image.Image:
    """The drawing with its title and legend, before any image."""
    size = layout.font_size
    lines = len(legend_lines(legend, size, layout.inner_width))
    height = layout.bottom + layout.margin // 2 + 2 * size * lines
    paper = PIL.Image.new("RGB", (layout.width, height), _PAPER)
    pen = ImageDraw.Draw(paper)
    title = f"{found.method} of {found.description}"
    corner = layout.margin, layout.margin // 2
    draw_title(pen, corner, title, round(1.3 * size), layout.inner_width)
    draw_legend(pen, (layout.margin, layout.bottom), legend, size, layout.inner_width)
    return paper


def _gap(cell: int) -> int:
    return max(1, cell // 40)


def _box(left: int, top: int, side: int) -> tuple[int, int, int, int]:
    return left, top, left + side, top + side


def _rounded(side: int) -> PIL.Image.Image:
    """A mask: a square with rounded corners."""
    fine = PIL.Image.new("L", (_OVERSAMPLING * side, _OVERSAMPLING * side), 0)
    square = (0, 0, _OVERSAMPLING * side - 1, _OVERSAMPLING * side - 1)
    ImageDraw.Draw(fine).rounded_rectangle(square, _OVERSAMPLING * side // 12, 255)
    return fine.resize((side, side), PIL.Image.Resampling.BOX)
