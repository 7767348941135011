"""The verbs `cluster`: what the machines of a Ray cluster do together."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imagefinder._utils.extras import check_extra
from imagefinder.cli.command import Command, Group
from imagefinder.cli.ingest_options import IngestOptions
from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import DB, Db, Force, Json, open_finder
from imagefinder.cli.output import print_failures, print_json, print_report
from imagefinder.cli.sources import check_sources
from imagefinder.cli.terminal import count_images, track

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
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Images and folders.")],
    db: Db = DB,
    address: Address = None,
    workers: Workers = None,
    shard: ShardSize = _SHARD,
    *,
    images: IngestOptions,
    as_json: Json = False,
) -> None:
    """Add images and folders to the catalogue, encoded by all machines of a cluster.

    The paths must be the same on all machines. A run that has ended early can be repeated.
    """
    from imagefinder.cluster import ClusterOptions
    from imagefinder.cluster import add as run
    from imagefinder.downloads import is_list

    for path in filter(is_list, paths):
        raise typer.BadParameter(
            f"{path} is a list: download it first (imagefinder download), then add its folder"
        )
    check_extra("ray", "cluster", "`imagefinder cluster`")  # before a catalogue is created
    options = ClusterOptions(address, workers, shard)
    with (
        images.opened(db, lambda: check_sources(paths)) as finder,
        track("adding", lambda: count_images(paths, finder.excluded)) as bar,
    ):
        report = run(finder, db, paths, options, progress=bar, checksum=images.checksum)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)


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
    """Search with many images at a time, on all machines of a cluster, into a Parquet file."""
    from imagefinder.cluster import ClusterOptions
    from imagefinder.cluster import search as run

    options = ClusterOptions(address, workers, shard)
    with open_finder(db) as finder, track("searching") as bar:
        failed = run(finder, db, queries, out, options, k=k, progress=bar, force=force)
    if as_json:
        print_json({"out": str(out), "failed": [asdict(one) for one in failed]})
    else:
        typer.echo(f"the hits are in {out}")
        print_failures(failed)
