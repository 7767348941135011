"""Terminal: standard streams, the console and progress bars."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from operator import length_hint
from typing import TYPE_CHECKING, TextIO, TypeVar

from imagefinder.errors import DefaultEncoderMissing, TruncatedImage

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")

_WIDE = 4000


def prepare_streams() -> None:
    """Open closed standard streams, and let stdout print any file name in any locale."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays open
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def quiet_warnings() -> None:
    """Show our own warnings on one line each, and no library's."""
    warnings.simplefilter("ignore")  # a decoder's warnings about a file are no help to a user
    warnings.simplefilter("always", TruncatedImage)
    warnings.simplefilter("always", DefaultEncoderMissing)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


def handle_sigterm() -> None:
    """Let SIGTERM end process 1 as Ctrl-C does: by default it is ignored by a container's first."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@cache
def quiet_libraries() -> TextIO:
    """Silence what C libraries print (libtiff warns of damaged files); gives the stream for us."""
    sys.stderr.flush()
    try:
        ours = os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace")
    except OSError:  # there is no stderr
        return sys.stderr
    sys.stderr = ours
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return ours


def console(folding: bool = True) -> Console:
    """Stdout; lines are not folded in a pipe, nor where someone may want to copy them."""
    from rich.console import Console

    width = None if folding and sys.stdout.isatty() else _WIDE
    return Console(width=width, markup=False, emoji=False)  # a file's name may look like either


class ProgressBar:
    """One bar on stderr, or nothing where stderr is not a terminal."""

    def __init__(self, bar: Progress | None) -> None:
        """``None`` shows nothing."""
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    @property
    def is_shown(self) -> bool:
        """Whether anyone sees it: counting a total for it may be slow."""
        return self._bar is not None

    def update(self, doing: str, done: int, total: int | None, note: str = "") -> None:
        """How far something is; another ``doing`` begins a new bar in place of the last one.

        What is done already when it begins does not count for the time left.
        """
        if self._bar is None:
            return
        if doing not in self._tasks:
            for task in self._tasks.values():
                self._bar.update(task, visible=False)
            self._tasks[doing] = self._bar.add_task(doing, completed=done, total=total, note=note)
        self._bar.update(self._tasks[doing], completed=done, total=total, note=note)

    def track(self, doing: str, items: Iterable[Item], total: int | None = None) -> Iterable[Item]:
        """The items, counted as they pass; their length is the total if it is not given."""
        total = length_hint(items) or None if total is None else total
        self.update(doing, 0, total)
        for done, item in enumerate(items, 1):
            yield item
            self.update(doing, done, total)


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """A bar that is gone when the work is done."""
    stderr = quiet_libraries()
    if not stderr.isatty():
        yield ProgressBar(None)
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[note]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(file=stderr), transient=True) as bar:
        yield ProgressBar(bar)


@contextmanager
def track(
    doing: str, total: Callable[[], int] | None = None
) -> Iterator[Callable[[Iterable[Item]], Iterable[Item]]]:
    """A wrapper for an iterable that shows a bar; see ``types.Progress``."""
    with progress_bar() as bar:
        if not bar.is_shown:
            yield iter
            return
        count = total() if total else None
        yield lambda items: bar.track(doing, items, count)


def count_images(paths: Iterable[str], globs: Sequence[str] = ()) -> int:
    """The files of the paths, for a bar's total: all images in a folder, one for anything else."""
    from imagefinder.images.walk import FolderWalk

    given = [os.path.expanduser(path) for path in paths]
    return sum(
        sum(1 for _ in FolderWalk(globs).images(p)) if os.path.isdir(p) else 1 for p in given
    )


def log_to_stderr(level: str) -> None:
    """Log our messages from a level on, and other libraries' warnings and errors."""
    handler = logging.StreamHandler(quiet_libraries())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("imagefinder").setLevel(level)
