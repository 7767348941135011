"""Pending changes: paths that have changed, until nothing more happens to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class PendingChanges:
    """Holds each path back while it goes on changing, such as a file that is still written."""

    settle: float
    """Seconds without a change after which a path is ready."""
    _changed: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many paths are held back."""
        return len(self._changed)

    def note(self, paths: Iterable[str], now: float) -> None:
        """These paths have changed at a time in seconds."""
        self._changed.update(dict.fromkeys(paths, now))

    def take_settled(self, now: float) -> set[str]:
        """The paths that are ready, which are then no longer held back."""
        ready = {path for path, last in self._changed.items() if now - last >= self.settle}
        for path in ready:
            del self._changed[path]
        return ready
