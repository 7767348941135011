"""The verb `serve`: searches over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder._utils.concurrency import cores, use_cores
from imagefinder.cli.options import DB, Db, Options, SameEncoder, open_finder, open_or_create
from imagefinder.cli.terminal import prepare_streams, quiet_libraries, quiet_warnings

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.server import Settings
    from imagefinder.server.worker import Seat

PORT = 8000
_MEGABYTES = 20
_SECONDS = 60
_DECODING_MEGABYTES = 384
_FEWEST_MEGABYTES = 64
_NETWORK = "Network"
_ACCESS = "Access"
_LIMITS = "Limits"

Port = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help="Port to listen on; 0 for any free one.",
        rich_help_panel=_NETWORK,
    ),
]


_Also = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DB",
        help="Also serve this catalogue, made with another encoder; repeatable.",
        dir_okay=False,
        path_type=str,
    ),
]
_Host = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="Address to listen on.", rich_help_panel=_NETWORK),
]
_HostName = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Host name to accept requests for; repeatable, * for any.",
        rich_help_panel=_NETWORK,
    ),
]
_Proxy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="Trust X-Forwarded-For and X-Forwarded-Prefix of this proxy; repeatable.",
        rich_help_panel=_NETWORK,
    ),
]
_RootPath = Annotated[
    str,
    typer.Option(
        metavar="PATH",
        help="Path below which a proxy serves this server, such as /find.",
        rich_help_panel=_NETWORK,
    ),
]
_Cors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Allow requests from pages of this origin (CORS); repeatable, * for any.",
        rich_help_panel=_NETWORK,
    ),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Processes that serve the port together; default: one for each core, "
        "and a single one with --writable.",
        rich_help_panel=_LIMITS,
    ),
]
_Writable = Annotated[
    bool,
    typer.Option(
        "--writable",
        help="Allow adding and deleting images; creates the catalogue if it is missing.",
        rich_help_panel=_ACCESS,
    ),
]
_Uploads = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Store the files of added images here.",
        file_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
_Watch = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep the catalogue in step with this folder meanwhile; repeatable. "
        "Creates the catalogue if it is missing.",
        rich_help_panel=_ACCESS,
    ),
]
_Root = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Serve files of imported images if they lie here; repeatable.",
        file_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
_ShowPaths = Annotated[
    bool,
    typer.Option(
        "--show-paths",
        help="Tell clients the folders of images: the list of copies to remove needs them, and "
        "so does browsing by folders.",
        rich_help_panel=_ACCESS,
    ),
]
_Keys = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Require an API key from this file (see `imagefinder keys`).",
        dir_okay=False,
        rich_help_panel=_ACCESS,
    ),
]
_Fetch = Annotated[
    bool,
    typer.Option(
        "--fetch",
        help="Allow searches by URL, for public addresses.",
        rich_help_panel=_ACCESS,
    ),
]
_AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="With --fetch: also private addresses, for an intranet.",
        rich_help_panel=_ACCESS,
    ),
]
_Mcp = Annotated[
    bool,
    typer.Option(
        "--mcp",
        help="Serve assistants by the Model Context Protocol, too, at /mcp; they may name files "
        "below --root.",
        rich_help_panel=_ACCESS,
    ),
]
_Rate = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Requests per minute from one address; no limit if not given.",
        rich_help_panel=_LIMITS,
    ),
]
_MaxUpload = Annotated[
    int,
    typer.Option(
        min=1, metavar="MB", help="Largest request body accepted.", rich_help_panel=_LIMITS
    ),
]
_DecodingMemory = Annotated[
    int | None,
    typer.Option(
        min=_FEWEST_MEGABYTES,
        metavar="MB",
        help="Memory for decoding images, all requests together, split among the workers; "
        f"default: {_DECODING_MEGABYTES} for each.",
        rich_help_panel=_LIMITS,
    ),
]
_Timeout = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="SECONDS",
        help="Time limit for a response to begin.",
        rich_help_panel=_LIMITS,
    ),
]


def serve(
    db: Db = DB,
    also: _Also = None,
    host: _Host = "127.0.0.1",
    port: Port = PORT,
    host_name: _HostName = None,
    proxy: _Proxy = None,
    root_path: _RootPath = "",
    cors: _Cors = None,
    workers: _Workers = None,
    writable: _Writable = False,
    uploads: _Uploads = None,
    watch: _Watch = None,
    root: _Root = None,
    show_paths: _ShowPaths = False,
    keys: _Keys = None,
    fetch: _Fetch = False,
    allow_private: _AllowPrivate = False,
    mcp: _Mcp = False,
    rate: _Rate = None,
    max_upload: _MaxUpload = _MEGABYTES,
    decoding_memory: _DecodingMemory = None,
    timeout: _Timeout = _SECONDS,
    encoder: SameEncoder = None,
    option: Options = None,
) -> None:
    """Serve searches over HTTP: a web page, and an API (see /docs).

    SIGHUP replaces the worker processes one by one, without losing a request.
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
            "roots": root or [],
            "show_paths": show_paths,
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
    return given


def _decoding_memory(given: int | None, count: int) -> int:
    """In megabytes, of all workers. Raises BadParameter if that is too little for each."""
    if given is None:
        return _DECODING_MEGABYTES * count
    if given < _FEWEST_MEGABYTES * count:
        raise typer.BadParameter(
            f"--decoding-memory is split among {count} workers: give at least "
            f"{_FEWEST_MEGABYTES * count}, or fewer --workers"
        )
    return given


def _check_needs(option: str, given: bool, other: str, is_given: bool) -> None:
    """Raises BadParameter if an option is given without the other that it needs."""
    if given and not is_given:
        raise typer.BadParameter(f"{option} needs {other}")
