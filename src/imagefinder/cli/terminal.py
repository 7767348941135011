"""The three streams: made fit to use, kept clean, and drawn upon."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

_WIDE = 4000


def ready_streams() -> None:
    """Open those that the caller closed, and let stdout show any name in any locale."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  it stays open
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def heed_termination() -> None:
    """Let SIGTERM end process 1 as Ctrl-C does: the kernel's default spares a container's first."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@cache
def quiet_libraries() -> TextIO:
    """Send what C libraries print (libtiff comments on damaged files) nowhere; ours still shows."""
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
    """Stdout; what is piped on is not folded, nor what someone may want to copy."""
    from rich.console import Console

    width = None if folding and sys.stdout.isatty() else _WIDE
    return Console(width=width, markup=False, emoji=False)  # a file's name may look like either


@contextmanager
def progress(
    paths: Iterable[str], more: int = 0
) -> Iterator[Callable[[Iterable[Item]], Iterable[Item]]]:
    """Gives what wraps an iterable in a progress bar on stderr, if that is a terminal.

    It counts the files of the paths, and so many ``more``.
    """

    def files() -> int:
        from imagefinder.images.files import find_images

        given = [os.path.expanduser(path) for path in paths]
        return more + sum(sum(1 for _ in find_images(p)) if os.path.isdir(p) else 1 for p in given)

    with counting("adding", files) as bar:
        yield bar


@contextmanager
def counting(
    doing: str, total: Callable[[], int] | None = None
) -> Iterator[Callable[[Iterable[Item]], Iterable[Item]]]:
    """The same for anything; without a ``total`` the length of what is wrapped."""
    stderr = quiet_libraries()
    if not stderr.isatty():
        yield iter
        return
    from rich import progress as bars
    from rich.console import Console

    count = total() if total else None
    columns = (
        bars.TextColumn(doing),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(file=stderr), transient=True) as bar:
        yield lambda items: bar.track(items, total=count)
