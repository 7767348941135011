"""Places rounded to the cells of a grid, a cell for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagefinder.mapping.projection import Places

_REACH = 3  # cells


def arranged(places: Places, columns: int, rows: int) -> NDArray[np.intp]:
    """The cell of each place as column and row, ``(n, 2)``; -1 where none is free near it.

    Whoever is nearest to the middle of a cell comes first; the others take the nearest cell that
    is free, at most three away.
    """
    size = np.array([columns, rows])
    wanted = places * size - 0.5
    middle = np.rint(wanted).astype(np.intp).clip(0, size - 1)
    taken = np.zeros((columns, rows), bool)
    cells = np.full((len(places), 2), -1, np.intp)
    steps = np.arange(-_REACH, _REACH + 1)
    around = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    for one in np.argsort(((wanted - middle) ** 2).sum(axis=1), kind="stable").tolist():
        near = middle[one] + around
        near = near[((near >= 0) & (near < size)).all(axis=1)]
        near = near[~taken[near[:, 0], near[:, 1]]]
        if len(near):
            column, row = near[((near - wanted[one]) ** 2).sum(axis=1).argmin()]
            taken[column, row] = True
            cells[one] = column, row
    return cells
