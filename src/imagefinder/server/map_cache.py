"""Maps that were made lately, so that a page that is opened again has its own at once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

import numpy as np
from fastapi import HTTPException

from imagefinder.finder import Finder
from imagefinder.visualization.map.projection import By, Places, project
from imagefinder.visualization.map.sampling import Sample, rows_of, sampled

_KEPT = 16


class Maps:
    """One is made at a time, for that takes a core; who asks meanwhile waits for a turn.

    A key stands for a content, and a catalogue has one recipe: where images lie follows from
    their keys, the recipe and the method, so what is kept is true as long as these are the same.
    """

    def __init__(self) -> None:
        """Empty."""
        self._turn = Lock()
        self._kept: OrderedDict[tuple[str, By, bytes], Places] = OrderedDict()

    def of(self, finder: Finder, by: By, limit: int, patience: float) -> tuple[Sample, Places]:
        """Up to ``limit`` images and their places; 503 after so many seconds without a turn."""
        drawn = sampled(finder.store, limit)
        keys = np.array([record.key for record in drawn.records], np.int64)
        name = str(finder.recipe), by, hashlib.sha256(keys.tobytes()).digest()
        if not self._turn.acquire(timeout=patience):
            raise HTTPException(503, "other maps are being made", {"Retry-After": "5"})
        try:
            if name not in self._kept:
                self._kept[name] = project(rows_of(finder.store, drawn.records), by)
            self._kept.move_to_end(name)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return drawn, self._kept[name]
        finally:
            self._turn.release()
