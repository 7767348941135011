"""Places rounded to the cells of a grid, a cell for each."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from imagefinder.visualization.map.projection import Places

_FULL = 0.55  # of the cells are taken
_FLAT, _TALL = 0.4, 1.0  # the height of a grid by its width


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells, as images are laid into them."""

    columns: int
    rows: int
    cells: NDArray[np.intp]
    """The column and row of each place, ``(n, 2)``; -1 where all cells were taken."""


def grid(places: Places, most: int | None = None) -> Grid:
    """A grid of about as high as the places are, and not quite twice as many cells as places.

    It has at most so many columns. Whoever is nearest to the middle of a cell comes first; the
    others take the nearest cell that is free.
    """
    share = _share(places)
    columns = ceil(sqrt(len(places) / (_FULL * share))) or 1
    columns = min(columns, most or columns)
    rows = ceil(columns * share)
    return Grid(columns, rows, _taken(_scaled(places, columns, rows), columns, rows))


def _share(places: Places) -> float:
    across, down = np.ptp(places, axis=0).tolist() if len(places) else (1.0, 1.0)
    return min(max(down / across if across else _TALL, _FLAT), _TALL)


def _scaled(places: Places, columns: int, rows: int) -> Places:
    """In the middle of the grid, and as large as fits, both ways alike; whole numbers are cells."""
    if not len(places):
        return places
    size = np.array([columns, rows], np.float32)
    low, high = places.min(axis=0), places.max(axis=0)
    scale = float(((high - low) / size).max()) or 1.0
    return np.asarray((places - (low + high) / 2) / scale + (size - 1) / 2, np.float32)


def _taken(wanted: Places, columns: int, rows: int) -> NDArray[np.intp]:
    free = np.ones((columns, rows), bool)
    cells = np.full((len(wanted), 2), -1, np.intp)
    away = ((wanted - np.rint(wanted)) ** 2).sum(axis=1)
    for one in np.argsort(away, kind="stable")[: free.size].tolist():
        cells[one] = _nearest(free, wanted[one])
        free[tuple(cells[one])] = False
    return cells


def _nearest(free: NDArray[np.bool_], place: NDArray[np.float32]) -> NDArray[np.intp]:
    """The free cell that is nearest; there is one."""
    reach = 1
    while True:
        low = np.clip(np.rint(place).astype(np.intp) - reach, 0, None)
        high = np.rint(place).astype(np.intp) + reach + 1
        near = np.argwhere(free[low[0] : high[0], low[1] : high[1]]) + low
        if len(near):
            away = ((near - place) ** 2).sum(axis=1)
            best = away.argmin()
            # what lies outside is farther than that
            if away[best] <= (reach + 0.5) ** 2 or reach > max(free.shape):
                return np.asarray(near[best])
        reach *= 2
