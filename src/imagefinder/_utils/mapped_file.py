"""Arrays in temporary files: larger than memory, and gone when they are no longer used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from tempfile import TemporaryFile, gettempdir
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagefinder._utils.disk_space import reserve


@contextmanager
def mapped_file(shape: tuple[int, int], number: DTypeLike) -> Iterator[NDArray[Any]]:
    """A memory-mapped array of zeros. Raises DiskFull if there is no room for it."""
    with TemporaryFile() as file:
        # one row more, since an empty file cannot be mapped
        padded = shape[0] + 1, shape[1]
        size = prod(padded) * np.dtype(number).itemsize
        reserve(file.fileno(), size, f"{gettempdir()} (see TMPDIR)")
        # as a plain array, whose slices are made several times as fast
        yield np.asarray(np.memmap(file, number, "r+", shape=padded))[:-1]
