"""Vectors of the members of a joined encoder, of views and of a modified copy of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from distillation.views import Views
from numpy.typing import NDArray
from PIL import Image

from imagefinder._utils.concurrency import batched
from imagefinder.images.decode import resized
from imagefinder.types import Encoder

Rows = NDArray[np.float32]
Features = dict[str, tuple[Rows, Rows]]
"""By member: of the views, and of their copies, ``(views, dim)`` each."""

_BATCH = 64


def features_of(views: Views, count: int, members: Mapping[str, Encoder], work: Path) -> Features:
    """Computed once, and kept in the folder ``work``."""
    parts = [
        _rows(its_views, count, members, work / f"{kind}-{count}.npz")
        for kind, its_views in (("views", replace(views, augmentations={})), ("copies", views))
    ]
    return {name: (parts[0][name], parts[1][name]) for name in members}


def _rows(views: Views, count: int, members: Mapping[str, Encoder], file: Path) -> dict[str, Rows]:
    if not file.exists():
        made: dict[str, list[Rows]] = {name: [] for name in members}
        for batch in batched(views.make(range(count)), _BATCH):
            for name, member in members.items():
                made[name] += member.encode(_sized(batch, member))
        arrays: dict[str, Any] = {name: np.concatenate(rows) for name, rows in made.items()}
        np.savez(file, **arrays)
    with np.load(file) as kept:
        return {name: kept[name] for name in members}


def _sized(batch: Sequence[NDArray[np.uint8]], member: Encoder) -> list[NDArray[np.uint8]]:
    return [np.asarray(resized(Image.fromarray(view), member.resize)) for view in batch]
