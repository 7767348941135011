"""The verbs `index`: which nearest-neighbor index a catalogue uses, and benchmarks of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.command import Command, Group
from imagefinder.cli.completion import index_names, index_names_and_auto
from imagefinder.cli.options import DB, At, Db, Force, Json, open_finder, parse_options
from imagefinder.cli.output import print_audits, print_json, print_pairs
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.evaluation.index_benchmark import IndexBenchmark

index = typer.Typer(cls=Group, help="List, build and benchmark nearest-neighbor indexes.")

Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="NAME=VALUE", help="Set an option of the index; repeatable."
    ),
]


@index.callback(invoke_without_command=True)
def list_kinds(context: typer.Context, as_json: Json = False) -> None:
    """List, build and benchmark nearest-neighbor indexes."""
    if context.invoked_subcommand is not None:
        return
    from imagefinder.registry.plugins import plugins

    kinds = {name: plugin.about for name, plugin in plugins("indexes").items()}
    if as_json:
        print_json({"indexes": [{"name": name, "about": kinds[name]} for name in kinds]})
    else:
        print_pairs(kinds.items())


@index.command(cls=Command)
def build(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="A kind of index (see `imagefinder index`), or auto.",
            autocompletion=index_names_and_auto,
        ),
    ] = "auto",
    db: Db = DB,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Build an index and search the catalogue with it from now on."""
    from imagefinder.indexes.auto import automatic

    quiet_libraries()
    options = parse_options(option)
    if kind == "auto" and options:
        raise typer.BadParameter("--option needs a kind of index, not auto")
    with open_finder(db) as finder:
        why = ""
        if kind == "auto":
            choice, why = automatic(finder.statistics().vectors, finder.recipe.dim)
            kind = choice.kind
        finder.use_index(kind, options)
    print_built(kind, options, why, as_json)


@index.command(cls=Command)
def audit(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND",
            help="Kinds of index; all if none is given.",
            autocompletion=index_names,
        ),
    ] = None,
    db: Db = DB,
    at: At = None,
    queries: Annotated[
        int, typer.Option(min=1, metavar="N", help="Held-out images to search with.")
    ] = 1000,
    option: Options = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Plot the results.", dir_okay=False)
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Benchmark indexes on the catalogue's own vectors: recall, speed, build time and size."""
    from imagefinder.evaluation.index_benchmark import benchmark_indexes
    from imagefinder.evaluation.plots import check_plot, plot_index_benchmark
    from imagefinder.types import IndexChoice

    quiet_libraries()
    if option and (kinds is None or len(kinds) != 1):
        raise typer.BadParameter("--option needs exactly one kind of index")
    if out is not None:
        check_plot(out, force)
    with open_finder(db, at=at) as finder:
        choices = [IndexChoice(kind, parse_options(option)) for kind in kinds or ()]
        audits = benchmark_indexes(finder, choices, queries)
    if out is not None:
        plot_index_benchmark(audits, out)
    if as_json:
        print_json({"audits": [_as_json(one) for one in audits]})
    else:
        print_audits(audits)


def print_built(kind: str, options: dict[str, Any], why: str, as_json: bool) -> None:
    """The kind of index that was built."""
    if as_json:
        print_json({"index": kind, "options": options, "why": why})
    else:
        typer.echo(f"the catalogue is now searched with {kind}" + (f": {why}" if why else ""))


def _as_json(audit: IndexBenchmark) -> dict[str, Any]:
    about = {"index": audit.choice.kind, "options": dict(audit.choice.options)}
    if audit.failure:
        return {**about, "failure": audit.failure}
    return {
        **about,
        "recall": {str(depth): share for depth, share in audit.recall.items()},
        "queries_per_second": audit.queries_per_second,
        "batch_per_second": audit.batch_per_second,
        "build_seconds": audit.build_seconds,
        "bytes": audit.bytes,
    }
