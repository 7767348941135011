"""Cache of 2-D projections (least recently used first out)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

import numpy as np
from fastapi import HTTPException

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.visualization.map.projection import Coordinates, Projection, project
from imagefinder.visualization.map.sampling import MapSample, draw_sample, mean_vectors

_MAX_MAPS = 16


class MapCache:
    """Computes one map at a time, since each occupies a core; other requests wait.

    An image's key identifies its content and a recipe its vectors, so the keys, the recipe
    and the method determine a map: a cached one stays valid as long as these are the same.
    """

    def __init__(self) -> None:
        """Empty."""
        self._lock = Lock()
        self._maps: OrderedDict[tuple[str, Projection, bytes], Coordinates] = OrderedDict()

    def get(
        self, catalogue: Catalogue, by: Projection, limit: int, timeout: float
    ) -> tuple[MapSample, Coordinates]:
        """Up to ``limit`` images and their positions; 503 after ``timeout`` seconds of waiting."""
        sample = draw_sample(catalogue.store, limit)
        keys = np.array([record.key for record in sample.records], np.int64)
        name = str(catalogue.recipe), by, hashlib.sha256(keys.tobytes()).digest()
        if not self._lock.acquire(timeout=timeout):
            raise HTTPException(503, "other maps are being computed", {"Retry-After": "5"})
        try:
            if name not in self._maps:
                self._maps[name] = project(mean_vectors(catalogue.store, sample.records), by)
            self._maps.move_to_end(name)
            while len(self._maps) > _MAX_MAPS:
                self._maps.popitem(last=False)
            return sample, self._maps[name]
        finally:
            self._lock.release()
