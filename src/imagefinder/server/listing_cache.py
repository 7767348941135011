"""Cache of listings: whoever scrolls through one is given pages of the same."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from threading import Lock
from time import monotonic

from imagefinder.catalogue.listing import Listing, Names
from imagefinder.types import Keys, Store

_MOST = 8
_FRESH = 3.0  # seconds, for those who begin one
_KEPT = 600.0  # for those who go on


@dataclass(frozen=True)
class _Cached:
    keys: Keys
    made: float


class ListingCache:
    """Making one reads a value of every image, so it is done once, not for every page."""

    def __init__(self) -> None:
        """Empty."""
        self._lock = Lock()
        self._listings: OrderedDict[str, _Cached] = OrderedDict()

    def keys(
        self, name: str, store: Store, listing: Listing, begins: bool, names: Names = dict
    ) -> Keys:
        """The keys of a listing of the catalogue with this name; new if one begins with it."""
        with self._lock:  # one at a time: each occupies a core
            key = json.dumps([name, asdict(listing)], sort_keys=True)
            cached = self._listings.get(key)
            if cached is None or monotonic() - cached.made > (_FRESH if begins else _KEPT):
                cached = _Cached(listing.keys(store, names), monotonic())
                self._listings[key] = cached
            self._listings.move_to_end(key)
            while len(self._listings) > _MOST:
                self._listings.popitem(last=False)
            return cached.keys

    def clear(self) -> None:
        """The catalogue has changed."""
        with self._lock:
            self._listings.clear()
