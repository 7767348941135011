"""Grid layout: coordinates snapped to the cells of a grid, one image per cell."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from imagefinder.visualization.map.projection import Coordinates

_OCCUPANCY = 0.55  # the share of the cells that is taken
_FLAT, _TALL = 0.4, 1.0  # the height of a grid relative to its width


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells that images are assigned to."""

    columns: int
    rows: int
    cells: NDArray[np.intp]
    """The column and row of each image, ``(n, 2)``; -1 where all cells were taken."""


def make_grid(coordinates: Coordinates, max_columns: int | None = None) -> Grid:
    """A grid with the aspect ratio of the coordinates and about twice as many cells as images.

    The image nearest to the center of a cell is assigned first; others take the nearest free cell.
    """
    aspect = _aspect(coordinates)
    columns = ceil(sqrt(len(coordinates) / (_OCCUPANCY * aspect))) or 1
    columns = min(columns, max_columns or columns)
    rows = ceil(columns * aspect)
    return Grid(columns, rows, _assigned(_scaled(coordinates, columns, rows), columns, rows))


def _aspect(coordinates: Coordinates) -> float:
    width, height = np.ptp(coordinates, axis=0).tolist() if len(coordinates) else (1.0, 1.0)
    return min(max(height / width if width else _TALL, _FLAT), _TALL)


def _scaled(coordinates: Coordinates, columns: int, rows: int) -> Coordinates:
    """In units of cells: centered in the grid, and as large as fits without distortion."""
    if not len(coordinates):
        return coordinates
    size = np.array([columns, rows], np.float32)
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    scale = float(((high - low) / size).max()) or 1.0
    return np.asarray((coordinates - (low + high) / 2) / scale + (size - 1) / 2, np.float32)


def _assigned(wanted: Coordinates, columns: int, rows: int) -> NDArray[np.intp]:
    free = np.ones((columns, rows), bool)
    cells = np.full((len(wanted), 2), -1, np.intp)
    offsets = ((wanted - np.rint(wanted)) ** 2).sum(axis=1)
    for image in np.argsort(offsets, kind="stable")[: free.size].tolist():
        cells[image] = _nearest(free, wanted[image])
        free[tuple(cells[image])] = False
    return cells


def _nearest(free: NDArray[np.bool_], point: NDArray[np.float32]) -> NDArray[np.intp]:
    """The nearest free cell, of which there is at least one."""
    radius = 1
    while True:
        low = np.clip(np.rint(point).astype(np.intp) - radius, 0, None)
        high = np.rint(point).astype(np.intp) + radius + 1
        near = np.argwhere(free[low[0] : high[0], low[1] : high[1]]) + low
        if len(near):
            distances = ((near - point) ** 2).sum(axis=1)
            best = distances.argmin()
            # whatever lies outside is farther away
            if distances[best] <= (radius + 0.5) ** 2 or radius > max(free.shape):
                return np.asarray(near[best])
        radius *= 2
