"""Joint projection: from the vectors of several encoders to one vector of fewer dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.similarity import unit

Rows = NDArray[np.float32]

_WHOLE = 127  # the largest int8


@dataclass(frozen=True, eq=False)
class JointProjection:
    """Fitted by ``python -m distillation.joined``."""

    sources: tuple[str, ...]
    """The SHA-256 of what gives each member's vectors."""
    weights: tuple[float, ...]
    """How much each member counts."""
    means: tuple[Rows, ...]
    """Of each member's vectors of length 1, ``(its dim,)``."""
    offset: Rows
    """``(dim,)``: the projected mean of the joined vectors."""
    axes: Rows
    """``(dim of all members, dim)``."""

    def __call__(self, members: Sequence[Rows]) -> Rows:
        """Rows ``(n, its dim)`` of each member to ``(n, dim)``, of length 1."""
        return unit(self.joined(members) @ self.axes - self.offset)

    def joined(self, members: Sequence[Rows]) -> Rows:
        """Each centered, of length 1 and weighted; side by side."""
        return join(members, self.means, self.weights)

    def to_bytes(self) -> bytes:
        """As a ``.npz`` file; the axes have 8 bits."""
        scale = np.maximum(np.abs(self.axes).max(axis=0), np.finfo(np.float32).tiny) / _WHOLE
        arrays: dict[str, Any] = {
            "sources": np.array(self.sources),
            "weights": np.array(self.weights, np.float32),
            "dims": np.array([len(mean) for mean in self.means], np.int32),
            "means": np.concatenate(self.means).astype(np.float32),
            "offset": self.offset.astype(np.float32),
            "axes": np.rint(self.axes / scale).astype(np.int8),
            "scale": scale.astype(np.float32),
        }
        with BytesIO() as file:
            np.savez_compressed(file, **arrays)
            return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> JointProjection:
        """The inverse, but for rounding."""
        with np.load(BytesIO(data), allow_pickle=False) as file:
            borders = np.cumsum(file["dims"])[:-1]
            return cls(
                sources=tuple(map(str, file["sources"])),
                weights=tuple(map(float, file["weights"])),
                means=tuple(np.split(file["means"], borders)),
                offset=file["offset"],
                axes=file["axes"] * file["scale"],
            )


def join(members: Sequence[Rows], means: Sequence[Rows], weights: Sequence[float]) -> Rows:
    """Each member's rows of length 1, centered, of length 1 again and weighted; side by side."""
    parts = [
        weight * unit(unit(rows) - mean)
        for rows, mean, weight in zip(members, means, weights, strict=True)
    ]
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)
