"""The index of every catalogue, loaded while the server starts: no search has to wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

import numpy as np

from imagefinder.server.catalogues import ServedCatalogue
from imagefinder.similarity import dtype


class Warmup:
    """Begins at once, in a thread; what has failed is tried again once that was asked for."""

    def __init__(self, catalogues: Sequence[ServedCatalogue]) -> None:
        """Searches once in each."""
        self._catalogues = catalogues
        self._guard = Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="warm-up")
        self._search = self._begin()

    def is_done(self, seconds: float) -> bool:
        """Whether every index has answered, within so many seconds. Raises what went wrong."""
        search = self._search
        if not wait([search], seconds).done:
            return False
        if (error := search.exception()) is not None:
            with self._guard:
                if self._search is search:
                    self._search = self._begin()
            raise error
        return True

    def close(self) -> None:
        """Wait for a search that goes on, since it reads the catalogues."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self) -> Future[None]:
        return self._pool.submit(_search_once, self._catalogues)


def _search_once(catalogues: Sequence[ServedCatalogue]) -> None:
    for catalogue in catalogues:
        store = catalogue.finder.store
        recipe = store.recipe
        store.search(np.ones((1, recipe.dim), dtype(recipe.measure)), 1)
