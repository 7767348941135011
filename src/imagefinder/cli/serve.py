"""The verb `serve`: searches over HTTP."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, Options, SameEncoder, open_finder, open_or_create
from imagefinder.cli.terminal import quiet_libraries

PORT = 8000
_MEGABYTES = 20
_SECONDS = 60
_DECODING_MEGABYTES = 384
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
        help="Trust the X-Forwarded-For header of this proxy; repeatable.",
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
_Root = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Serve files of imported images if they lie here; repeatable.",
        file_okay=False,
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
    int,
    typer.Option(
        min=64,
        metavar="MB",
        help="Memory for decoding images, all requests together.",
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
    cors: _Cors = None,
    writable: _Writable = False,
    uploads: _Uploads = None,
    root: _Root = None,
    keys: _Keys = None,
    fetch: _Fetch = False,
    allow_private: _AllowPrivate = False,
    rate: _Rate = None,
    max_upload: _MaxUpload = _MEGABYTES,
    decoding_memory: _DecodingMemory = _DECODING_MEGABYTES,
    timeout: _Timeout = _SECONDS,
    encoder: SameEncoder = None,
    option: Options = None,
) -> None:
    """Serve searches over HTTP: a web page, and an API (see /docs)."""
    # concurrent searches need no threads of their own, and idle threads of OpenBLAS spin: with 32
    # clients of a small catalogue a search takes 76 ms of CPU time, and 0.4 ms with one thread.
    # OpenBLAS reads this variable only when it is loaded
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from imagefinder.downloads.http import FetchLimits, fetch_all
    from imagefinder.images.inputs import absolute
    from imagefinder.server import Settings
    from imagefinder.server import serve as run

    quiet_libraries()
    _check_needs("--uploads", uploads is not None, "--writable", writable)
    _check_needs("--allow-private", allow_private, "--fetch", fetch)
    largest = max_upload * 10**6
    limits = FetchLimits(largest, timeout, allow_private=allow_private)
    settings = Settings(
        max_upload=largest,
        decoding_memory=decoding_memory * 10**6,
        timeout=timeout,
        rate=rate,
        writable=writable,
        uploads=absolute(uploads) if uploads else None,
        roots=tuple(map(absolute, root or ())),
        keys=keys,
        fetch=partial(fetch_all, limits=limits) if fetch else None,
        origins=tuple(cors or ()),
        hosts=tuple(host_name or ()),
        proxies=tuple(proxy or ()),
    )
    with ExitStack() as stack:
        first = stack.enter_context(
            (open_or_create if writable else open_finder)(db, encoder, option)
        )
        others = [stack.enter_context(open_finder(other)) for other in also or ()]
        try:
            run([first, *others], host, port, settings)
        except KeyboardInterrupt:  # the way to stop it
            raise typer.Exit from None


def _check_needs(option: str, given: bool, other: str, is_given: bool) -> None:
    """Raises BadParameter if an option is given without the other that it needs."""
    if given and not is_given:
        raise typer.BadParameter(f"{option} needs {other}")
