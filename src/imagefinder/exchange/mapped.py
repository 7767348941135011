"""Matrices in NumPy's format, mapped into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from imagefinder.exchange.telling import told
from imagefinder.types import Features


def mapped(path: Path) -> Features:
    """What a file holds; only what is looked at is read. Raises ExchangeError.

    A head that lies about the size cannot make us ask for memory, and nothing is unpickled.
    """
    with told(path.name):
        try:
            return np.asarray(npy.open_memmap(path, mode="r"))
        except (OSError, ValueError):
            raise
        except Exception as error:  # whatever else NumPy raises over a hostile head is its fault
            raise ValueError(f"damaged: {error}") from error
