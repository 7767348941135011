"""The command that answers over HTTP."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from imagefinder.cli.options import DB, Db, Options, SameEncoder, made, opened
from imagefinder.cli.terminal import quiet_libraries

PORT = 8000
_MEGABYTES = 20
_SECONDS = 60

Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")]


def serve(
    db: Db = DB,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DB",
            help="Another catalogue, by another encoder; repeatable.",
            dir_okay=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Port = PORT,
    host_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name that the server goes by; repeatable, * for any."),
    ] = None,
    writable: Annotated[
        bool,
        typer.Option(
            "--writable",
            help="Let images be added and deleted; the catalogue is made if need be.",
        ),
    ] = False,
    uploads: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep the files of added images there.",
            file_okay=False,
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ask for a key of this file (see `keys`).", dir_okay=False
        ),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Let searches name URLs, of public addresses.")
    ] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let them name others too: for an intranet.")
    ] = False,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this site ask; repeatable, * for any."),
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute from one address; no limit.")
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="A proxy to believe about whom it asks for; repeatable."
        ),
    ] = None,
    max_upload: Annotated[
        int, typer.Option(min=1, metavar="MB", help="The largest request taken, in megabytes.")
    ] = _MEGABYTES,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds until an answer must have begun.")
    ] = _SECONDS,
    encoder: SameEncoder = None,
    option: Options = None,
) -> None:
    """Answer searches over HTTP: a page for people, and for programs what /docs says."""
    # many searches at once need no threads within one, and OpenBLAS's wait by spinning: 32 clients
    # of a small catalogue cost 76 ms of processor a search, and 0.4 without. It reads this once
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from imagefinder.downloads import http as fetching
    from imagefinder.images.inputs import absolute
    from imagefinder.server import Settings
    from imagefinder.server import serve as run

    quiet_libraries()
    if uploads is not None and not writable:
        raise typer.BadParameter("--uploads goes with --writable")
    if allow_private and not fetch:
        raise typer.BadParameter("--allow-private goes with --fetch")
    largest = max_upload * 10**6
    reach = fetching.FetchLimits(largest, timeout, allow_private=allow_private)
    settings = Settings(
        max_upload=largest,
        timeout=timeout,
        rate=rate,
        writable=writable,
        uploads=absolute(uploads) if uploads else None,
        keys=keys,
        fetch=partial(fetching.fetch_all, limits=reach) if fetch else None,
        origins=tuple(cors or ()),
        hosts=tuple(host_name or ()),
        proxies=tuple(proxy or ()),
    )
    with ExitStack() as stack:
        first = stack.enter_context((made if writable else opened)(db, encoder, option))
        others = [stack.enter_context(opened(other)) for other in also or ()]
        try:
            run([first, *others], host, port, settings)
        except KeyboardInterrupt:  # the way to stop it
            raise typer.Exit from None
