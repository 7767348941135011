"""What a server has open while it runs: catalogues, their indexes, and upgrades of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from threading import Lock
from typing import NamedTuple

from imagefinder.finder import Finder
from imagefinder.images.decoding_pool import POOL
from imagefinder.images.limits import Limits
from imagefinder.server.catalogues import ServedCatalogues, open_catalogues
from imagefinder.server.metrics import Metrics
from imagefinder.server.upgrades import UpgradeRunner
from imagefinder.server.warmup import Warmup


class _Open(NamedTuple):
    catalogues: ServedCatalogues
    upgrades: UpgradeRunner
    warmup: Warmup


class Opened:
    """Opened by the first request, or by the lifespan before it, and closed by the lifespan.

    An application that is mounted in another one has no lifespan of its own. Thread-safe.
    """

    def __init__(
        self,
        given: Sequence[Finder | str | os.PathLike[str]],
        metrics: Metrics,
        limits: Callable[[Limits], Limits],
    ) -> None:
        """Nothing is opened yet."""
        self._given = given
        self._metrics = metrics
        self._limits = limits
        self._lock = Lock()
        self._stack = ExitStack()
        self._open: _Open | None = None

    @property
    def is_open(self) -> bool:
        """Whether reading the rest takes no time."""
        return self._open is not None

    @property
    def catalogues(self) -> ServedCatalogues:
        """The catalogues. Raises StoreError."""
        return self._opened().catalogues

    @property
    def upgrades(self) -> UpgradeRunner:
        """What upgrades them. Raises StoreError."""
        return self._opened().upgrades

    @property
    def warmup(self) -> Warmup:
        """What loads their indexes. Raises StoreError."""
        return self._opened().warmup

    def close(self) -> None:
        """Close the catalogues, after what is begun."""
        with self._lock:
            self._open = None
            self._stack.close()

    def _opened(self) -> _Open:
        if (opened := self._open) is not None:
            return opened
        with self._lock:
            if self._open is None:
                self._open = self._open_all()
            return self._open

    def _open_all(self) -> _Open:
        with ExitStack() as stack:
            finders = [one if isinstance(one, Finder) else Finder.open(one) for one in self._given]
            observe = self._metrics.batch_size.observe
            catalogues = stack.enter_context(open_catalogues(finders, observe, self._limits))
            stack.callback(POOL.close)
            upgrades = UpgradeRunner()
            stack.callback(upgrades.close)
            warmup = Warmup(catalogues.all)
            stack.callback(warmup.close)
            self._metrics.watch_images(partial(len, catalogues.first.finder))
            self._stack = stack.pop_all()
        return _Open(catalogues, upgrades, warmup)
