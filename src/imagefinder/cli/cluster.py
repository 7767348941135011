"""The verbs `cluster`: what the machines of a Ray cluster do together."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from imagefinder._utils.extras import check_extra
from imagefinder.cli.command import Command, Group
from imagefinder.cli.completion import index_names
from imagefinder.cli.download_options import DownloadOptions
from imagefinder.cli.downloaded_sources import DownloadedSources, opened_for
from imagefinder.cli.evaluate import EvaluationOptions
from imagefinder.cli.index import Options as IndexOptions
from imagefinder.cli.index import print_built
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import (
    DB,
    DOWNLOADS,
    Db,
    Force,
    Json,
    open_finder,
    parse_options,
    usage_errors,
)
from imagefinder.cli.output import plain, print_failures, print_json, print_pairs
from imagefinder.cli.terminal import Item, track
from imagefinder.stores.location import beside

cluster = typer.Typer(cls=Group, help="Let all machines of a Ray cluster work on a catalogue.")

_SHARD = 64

Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="A Ray cluster, as ray://HOST:10001 or auto; one is started here if not given.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="As many as the cluster has cores if not given."),
]
ShardSize = Annotated[
    int, typer.Option(min=1, metavar="N", help="Images that a worker gets at a time.")
]


@cluster.callback()
def group() -> None:
    """Let all machines of a Ray cluster work on a catalogue."""


@cluster.command(cls=Command)
@takes_option_groups
def add(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Images, folders, or lists of URLs to download."),
    ],
    db: Db = DB,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Where the images of lists are saved, the same on all machines; beside the "
            "catalogue if not given.",
            rich_help_panel=DOWNLOADS,
        ),
    ] = None,
    address: Address = None,
    workers: Workers = None,
    shard: ShardSize = _SHARD,
    *,
    images: IngestOptions,
    downloads: DownloadOptions,
    as_json: Json = False,
) -> None:
    """Add images, folders, or lists of URLs, downloaded and encoded by all machines of a cluster.

    The paths must be the same on all machines. A run that has ended early can be repeated.
    """
    from imagefinder.cluster import ClusterOptions, connected, fetching
    from imagefinder.cluster import add as run
    from imagefinder.cluster.session import check_address
    from imagefinder.downloads import is_list
    from imagefinder.downloads.folder import image_folder

    check_extra("ray", "cluster", "`imagefinder cluster`")  # before a catalogue is created
    options = ClusterOptions(address, workers, shard)
    downloads.check_lists(paths)  # before Ray is started

    def check() -> None:
        downloads.check(paths)
        check_address(address)

    with ExitStack() as stack:

        def download() -> DownloadedSources:
            if any(map(is_list, paths)):
                stack.enter_context(connected(options))  # once, for downloads and what comes after
            folder = output or str(image_folder(beside(db)))
            return DownloadedSources.of(paths, folder, downloads, fetching(options))

        finder, sources = stack.enter_context(opened_for(images, db, check, download, as_json))
        with track("adding", lambda: sources.count(finder.excluded)) as bar:
            report = run(
                finder, db, sources.inputs(), options, progress=bar, checksum=images.checksum
            )
    sources.end(report, as_json)


@cluster.command(cls=Command)
@takes_option_groups
def evaluate(
    db: Db = DB,
    *,
    evaluated: EvaluationOptions,
    address: Address = None,
    workers: Workers = None,
    shard: ShardSize = _SHARD,
    as_json: Json = False,
) -> None:
    """Measure retrieval quality as `evaluate` does, searching on all machines of a cluster."""
    from imagefinder import cluster

    evaluated.check()
    config = evaluated.config()
    options = cluster.ClusterOptions(address, workers, shard)
    with usage_errors(), open_finder(db) as finder, track("searching") as bar:
        found = cluster.evaluate(finder, db, config, options, progress=bar)
    evaluated.show(found, as_json)


@cluster.command(cls=Command)
def audit(
    db: Db = DB,
    queries: Annotated[
        int, typer.Option(min=1, metavar="N", help="Images to search with, chosen at random.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the choice.")] = 0,
    address: Address = None,
    workers: Workers = None,
    shard: ShardSize = _SHARD,
    as_json: Json = False,
) -> None:
    """Measure what the catalogue's index finds of what comparing all vectors does.

    The searches of both kinds are done by all machines of a cluster.
    """
    from imagefinder import cluster

    options = cluster.ClusterOptions(address, workers, shard)
    with open_finder(db) as finder, track("searching") as bar:
        found = cluster.audit(finder, db, queries, options, seed=seed, progress=bar)
    if as_json:
        about = {"index": found.choice.kind, "options": dict(found.choice.options)}
        recall = {str(k): share for k, share in found.recall.items()}
        failed = [asdict(one) for one in found.failed]
        print_json({**about, "queries": found.queries, "recall": recall, "failed": failed})
        return
    kind = plain(" ".join([found.choice.kind, *map(str, found.choice.options.values())]))
    shares = [(f"recall@{k}", f"{share:.3f}") for k, share in found.recall.items()]
    print_pairs([("index", kind), ("queries", found.queries), *shares])
    print_failures(found.failed)


@cluster.command(cls=Command)
def index(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="lance-ivf-rq or lance-ivf-pq.", autocompletion=index_names
        ),
    ],
    db: Db = DB,
    option: IndexOptions = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Build the index of a catalogue in Lance on a machine of a cluster, and search with it.

    Searches go on as before until it is built and has passed its audit. If the worker that builds
    it is lost, another begins again.
    """
    from imagefinder.cluster import ClusterOptions, build_index

    options = parse_options(option)
    with open_finder(db) as finder:
        build_index(finder, db, kind, options, ClusterOptions(address))
    print_built(kind, options, "", as_json)


@cluster.command(cls=Command)
def search(
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY", help="Images, folders, or a Parquet file with a column path."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.parquet", help="Where the hits are written."),
    ],
    db: Db = DB,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Hits for each query.")] = 3,
    address: Address = None,
    workers: Workers = None,
    shard: ShardSize = _SHARD,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Search with many images at a time, on all machines of a cluster, into a Parquet file.

    Ends with status 1 if a QUERY is of no use, or none of the images is.
    """
    from imagefinder.cluster import ClusterOptions
    from imagefinder.cluster import search as run
    from imagefinder.images.inputs import stored_name

    options = ClusterOptions(address, workers, shard)
    numbers = count()
    with open_finder(db) as finder, track("searching") as bar:

        def counted(items: Iterable[Item]) -> Iterable[Item]:
            return bar(item for item, _ in zip(items, numbers, strict=False))

        failed = run(finder, db, queries, out, options, k=k, progress=counted, force=force)
    if as_json:
        print_json({"out": str(out), "failed": [asdict(one) for one in failed]})
    else:
        typer.echo(f"the hits are in {plain(str(out))}")
        print_failures(failed)
    named = {*map(stored_name, queries), *queries}
    if len(failed) >= next(numbers) or any(one.path in named for one in failed):
        raise typer.Exit(1)
