"""The commands that choose and measure the index of a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import DB, Db, Json, Options, opened, parsed
from imagefinder.cli.output import print_audits, print_json, print_pairs
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.evaluation.index_benchmark import IndexBenchmark

index = typer.Typer(help="How a catalogue is searched: list kinds, build one, measure them.")


@index.callback(invoke_without_command=True)
def list_kinds(context: typer.Context, as_json: Json = False) -> None:
    """How a catalogue is searched: list kinds, build one, measure them."""
    if context.invoked_subcommand is not None:
        return
    from imagefinder.registry.plugins import plugins

    kinds = {name: plugin.about for name, plugin in plugins("indexes").items()}
    if as_json:
        print_json({"indexes": [{"name": name, "about": kinds[name]} for name in kinds]})
    else:
        print_pairs(kinds.items())


@index.command()
def build(
    kind: Annotated[
        str, typer.Argument(help="A kind (see `imagefinder index`), or auto.")
    ] = "auto",
    db: Db = DB,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Search the catalogue by this kind from now on, and make it now."""
    from imagefinder.indexes.auto import automatic

    quiet_libraries()
    options = parsed(option)
    if kind == "auto" and options:
        raise typer.BadParameter("--option goes with a kind, not with auto")
    with opened(db) as finder:
        why = ""
        if kind == "auto":
            choice, why = automatic(finder.statistics().vectors, finder.recipe.dim)
            kind = choice.kind
        finder.use_index(kind, options)
    if as_json:
        print_json({"index": kind, "options": options, "why": why})
    else:
        typer.echo(f"searched by {kind} from now on" + (f": {why}" if why else ""))


@index.command()
def audit(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="KIND...", help="All, if none.")
    ] = None,
    db: Db = DB,
    queries: Annotated[int, typer.Option(min=1, help="Images left out, to ask with.")] = 1000,
    option: Options = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw it.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure kinds of index on the catalogue's own vectors: how much they find, and how fast."""
    from imagefinder.evaluation.index_benchmark import benchmark_indexes
    from imagefinder.types import IndexChoice

    quiet_libraries()
    if option and (kinds is None or len(kinds) != 1):
        raise typer.BadParameter("--option goes with one kind")
    with opened(db) as finder:
        choices = [IndexChoice(kind, parsed(option)) for kind in kinds or ()]
        audits = benchmark_indexes(finder, choices, queries)
    if out is not None:
        from imagefinder.evaluation.plots import plot_index_benchmark

        plot_index_benchmark(audits, out)
    if as_json:
        print_json({"audits": [_as_json(one) for one in audits]})
    else:
        print_audits(audits)


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
