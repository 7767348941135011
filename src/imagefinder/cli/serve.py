"""The verb `serve`: searches over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imagefinder._utils.concurrency import cores, use_cores
from imagefinder.cli.options import (
    DB,
    Db,
    Options,
    SameEncoder,
    encoder_options,
    open_finder,
    open_or_create,
)
from imagefinder.cli.serve_options import (
    DECODING_MEGABYTES,
    FEWEST_MEGABYTES,
    MAX_UPLOAD_MEGABYTES,
    PORT,
    TIMEOUT_SECONDS,
    AllowPrivate,
    Also,
    Cors,
    DecodingMemory,
    Fetch,
    Host,
    HostName,
    Keys,
    MaxUpload,
    Mcp,
    Port,
    Proxy,
    Rate,
    Root,
    RootPath,
    Show,
    ShowPaths,
    Timeout,
    Uploads,
    Watch,
    Workers,
    Writable,
)
from imagefinder.cli.terminal import prepare_streams, quiet_libraries, quiet_warnings
from imagefinder.stores.location import is_url

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.server import Settings
    from imagefinder.server.worker import Seat

_MOST_WORKERS_A_CORE = 8


def serve(
    db: Db = DB,
    also: Also = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    host_name: HostName = None,
    proxy: Proxy = None,
    root_path: RootPath = "",
    cors: Cors = None,
    workers: Workers = None,
    writable: Writable = False,
    uploads: Uploads = None,
    watch: Watch = None,
    root: Root = None,
    show_paths: ShowPaths = False,
    show: Show = None,
    keys: Keys = None,
    fetch: Fetch = False,
    allow_private: AllowPrivate = False,
    mcp: Mcp = False,
    rate: Rate = None,
    max_upload: MaxUpload = MAX_UPLOAD_MEGABYTES,
    decoding_memory: DecodingMemory = None,
    timeout: Timeout = TIMEOUT_SECONDS,
    encoder: SameEncoder = None,
    option: Options = None,
) -> None:
    """Serve searches over HTTP: a web page, and an API (see /docs).

    SIGHUP replaces several worker processes one by one, without losing a request.
    """
    # concurrent searches need no threads of their own, and idle threads of OpenBLAS spin: with 32
    # clients of a small catalogue a search takes 76 ms of CPU time, and 0.4 ms with one thread.
    # OpenBLAS reads this variable only when it is loaded
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    _check_needs("--uploads", uploads is not None, "--writable", writable)
    _check_needs("--allow-private", allow_private, "--fetch", fetch)
    for folder in watch or []:
        if not os.path.isdir(os.path.expanduser(folder)):
            raise typer.BadParameter(f"--watch: there is no folder {folder}")
    if mcp:
        from imagefinder._utils.extras import check_extra

        check_extra("mcp", "mcp", "serve --mcp")
    encoder_options(encoder, option)  # here, and not in each worker
    count = _worker_count(workers, writable)
    given = _Given(
        db=db,
        also=also or [],
        encoder=encoder,
        options=option or [],
        may_create=writable or bool(watch),
        allow_private=allow_private,
        fetch=fetch,
        settings={
            "max_upload": max_upload * 10**6,
            "decoding_memory": _decoding_memory(decoding_memory, count) * 10**6,
            "timeout": timeout,
            "rate": rate,
            "writable": writable,
            "uploads": uploads,
            "thumbnails": _thumbnails(db) if writable and uploads is None else None,
            "roots": root or [],
            "show_paths": show_paths,
            "show": _names(show),
            "keys": keys,
            "mcp": mcp,
            "origins": tuple(cors or ()),
            "root_path": _prefix(root_path),
            "hosts": tuple(host_name or ()),
            "proxies": tuple(proxy or ()),
        },
    )
    try:
        with _watching(watch or [], given):
            _run(given, host, port, count, timeout)
    except KeyboardInterrupt:  # the way to stop it
        raise typer.Exit from None


@dataclass(frozen=True)
class _Given:
    """The options, as plain values: each worker makes its own of what they name."""

    db: str
    also: list[str]
    encoder: str | None
    options: list[str]
    may_create: bool
    fetch: bool
    allow_private: bool
    settings: dict[str, Any]


def _run(given: _Given, host: str, port: int, count: int, timeout: float) -> None:
    """By ``count`` processes, until a signal ends it."""
    if count > 1:
        from imagefinder.server.workers import supervise

        supervise(partial(_work, given), host, port, count, timeout)
        return
    with _opened(given) as (finders, settings):
        from imagefinder.server import serve as run

        run(finders, host, port, settings)


@contextmanager
def _watching(folders: list[str], given: _Given) -> Iterator[None]:
    """With a process beside the server that follows the folders, if there are any."""
    if not folders:
        yield
        return
    from imagefinder.cli.watch_process import WatchProcess

    with WatchProcess(folders, given.db, given.encoder, given.options).running():
        yield


def _work(given: _Given, seat: Seat) -> None:
    """What a worker process does."""
    quiet_warnings()
    prepare_streams()
    use_cores(max(1, cores() // seat.count))
    with _opened(given) as (finders, settings):
        from imagefinder.server import serve_worker

        serve_worker(finders, seat, settings)


@contextmanager
def _opened(given: _Given) -> Iterator[tuple[list[Finder], Settings]]:
    """The catalogues and the settings; the catalogues are closed at the end."""
    from imagefinder.downloads.http import FetchLimits, fetch_all
    from imagefinder.images.inputs import absolute
    from imagefinder.server import Settings

    quiet_libraries()
    settings = Settings(**given.settings)
    limits = FetchLimits(settings.max_upload, settings.timeout, allow_private=given.allow_private)
    settings = replace(
        settings,
        uploads=absolute(settings.uploads) if settings.uploads else None,
        thumbnails=absolute(settings.thumbnails) if settings.thumbnails else None,
        roots=tuple(map(absolute, settings.roots)),
        fetch=partial(fetch_all, limits=limits) if given.fetch else None,
    )
    with ExitStack() as stack:
        opening = open_or_create if given.may_create else open_finder
        first = stack.enter_context(opening(given.db, given.encoder, given.options))
        others = [stack.enter_context(open_finder(other)) for other in given.also]
        yield [first, *others], settings


def _prefix(given: str) -> str:
    """Without a slash at the end. Raises BadParameter."""
    prefix = given.rstrip("/")
    if not prefix:
        return ""
    from imagefinder.server.middleware.prefix import is_prefix

    if not is_prefix(prefix):
        raise typer.BadParameter("--root-path: expected a path such as /find")
    return prefix


def _thumbnails(db: str) -> Path | None:
    """A hidden folder beside a catalogue that is on this machine."""
    if is_url(db):
        return None
    path = Path(db)
    return path.with_name(f".{path.name}.thumbnails")


def _names(given: str | None) -> tuple[str, ...]:
    """Names of metadata, separated by commas. Raises BadParameter."""
    if given is None:
        return ()
    names = tuple(name.strip() for name in given.split(","))
    if not all(names):
        raise typer.BadParameter("--show: expected names of metadata, such as title,price")
    return names


def _worker_count(given: int | None, writable: bool) -> int:
    """Raises BadParameter for several where there can be only one."""
    if given is None:
        return 1 if writable or sys.platform == "win32" else cores()
    if given > 1 and writable:
        raise typer.BadParameter(
            "with --writable there is one worker: serve the same catalogue a second time, without "
            "--writable and on another port, with as many as you like"
        )
    if given > 1 and sys.platform == "win32":
        raise typer.BadParameter("on Windows there is one worker: leave --workers out")
    if given > (most := _MOST_WORKERS_A_CORE * cores()):
        raise typer.BadParameter(
            f"--workers: at most {most} here, {_MOST_WORKERS_A_CORE} for each core: more only take "
            "memory"
        )
    return given


def _decoding_memory(given: int | None, count: int) -> int:
    """In megabytes, of all workers. Raises BadParameter if that is too little for each."""
    if given is None:
        return DECODING_MEGABYTES * count
    if given < FEWEST_MEGABYTES * count:
        raise typer.BadParameter(
            f"--decoding-memory is split among {count} workers: give at least "
            f"{FEWEST_MEGABYTES * count}, or fewer --workers"
        )
    return given


def _check_needs(option: str, given: bool, other: str, is_given: bool) -> None:
    """Raises BadParameter if an option is given without the other that it needs."""
    if given and not is_given:
        raise typer.BadParameter(f"{option} needs {other}")
