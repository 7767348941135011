"""Upgrades of a server's catalogues to other encoders, in the background, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread
from typing import Any, Literal, TypeAlias

from imagefinder.catalogue.reencoding import LostImage
from imagefinder.catalogue.upgrade import other_vectors
from imagefinder.errors import ImageFinderError
from imagefinder.finder import Finder

Status: TypeAlias = Literal["none", "running", "done", "incomplete", "failed"]
ForMissing: TypeAlias = Literal["stop", "drop"]

log = logging.getLogger("imagefinder.server")


class UpgradeRunning(Exception):
    """Another one is running."""


class _Stopped(Exception):
    """The server ends."""


@dataclass(frozen=True)
class UpgradeState:
    """How far an upgrade is; ``none`` since the server began."""

    status: Status = "none"
    before: str | None = None
    after: str | None = None
    done: int = 0
    """Images that have new vectors."""
    total: int = 0
    missing: tuple[LostImage, ...] = ()
    notes: tuple[str, ...] = ()


class UpgradeRunner:
    """Runs an upgrade in a thread of its own. Thread-safe."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.state = UpgradeState()
        self._guard = Lock()
        self._ending = Event()
        self._thread: Thread | None = None

    def start(self, finder: Finder, encoder: str | None, **options: Any) -> UpgradeState:
        """Begin, or go on with one that was interrupted; see ``Finder.upgrade``.

        Raises UpgradeRunning.
        """
        with self._guard:
            if self._thread is not None and self._thread.is_alive():
                raise UpgradeRunning
            finder.refresh()
            begun = other_vectors(finder.store)
            name = finder.recipe.encoder
            done = begun.images if begun else 0
            self.state = UpgradeState("running", name, encoder, done, len(finder))
            work = (finder, encoder, options)
            self._thread = Thread(target=self._run, args=work, name="upgrade", daemon=True)
            self._thread.start()
            return self.state

    def close(self) -> None:
        """Stop what runs: it goes on when it is started again."""
        self._ending.set()
        with self._guard:
            if self._thread is not None:
                self._thread.join()

    def _run(self, finder: Finder, encoder: str | None, options: dict[str, Any]) -> None:
        try:
            report = finder.upgrade(encoder, progress=self._counted, **options)
        except _Stopped:
            self.state = replace(self.state, status="incomplete")
        except Exception as error:  # nobody else would hear of it
            log.error("the upgrade failed: %s", error, exc_info=_unless_ours(error))
            self.state = replace(self.state, status="failed")
        else:
            self.state = replace(
                self.state,
                status="done" if report.is_switched else "incomplete",
                after=report.names[1],
                done=report.images - (0 if report.is_switched else len(report.lost)),
                total=report.images,
                missing=tuple(report.lost),
                notes=tuple(report.notes),
            )

    def _counted(self, images: Iterable[Any]) -> Iterator[Any]:
        for image in images:
            if self._ending.is_set():
                raise _Stopped
            yield image
            self.state = replace(self.state, done=self.state.done + 1)


def _unless_ours(error: Exception) -> bool:
    """A traceback tells something only where we did not expect the error."""
    return not isinstance(error, ImageFinderError)
