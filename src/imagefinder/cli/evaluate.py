"""The command that measures how well a catalogue finds what belongs together."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import DB, Db, Json, Options, SameEncoder, opened
from imagefinder.cli.output import plain, print_json, print_table, short
from imagefinder.cli.terminal import counting

if TYPE_CHECKING:
    from imagefinder.evaluation import Evaluation

_CLASSES = 20  # shown; --json names all
_KS = [1, 5, 10]


def evaluate(
    db: Db = DB,
    level: Annotated[
        int, typer.Option(min=1, help="Which folder names an image's class, upwards from it.")
    ] = 1,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Ask these images; their folders name the classes."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Ask what its columns query and relevant say."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Ask only so many queries.")
    ] = None,
    k: Annotated[list[int], typer.Option("-k", min=1, help="Places that count; repeatable.")] = _KS,
    depth: Annotated[
        int | None,
        typer.Option(
            min=1, help="Places of a ranking looked at (10000; fewer through an approximate index)."
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="cosine, l2 or dot in place of the encoder's; several are fused."),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let local features decide: mutual or geometric."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and the intervals.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a report there, with plots.", file_okay=False),
    ] = None,
    encoder: SameEncoder = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Measure how well the catalogue finds what belongs together, by folders or by pairs."""
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # what it says of fonts
    from imagefinder import evaluation

    if pairs is not None and (queries is not None or level != 1):
        raise typer.BadParameter("--pairs goes without --queries and --level")
    if out is not None:
        evaluation.ready(out)
    with opened(db, encoder, option) as finder, counting("asking") as bar:
        try:
            found = evaluation.evaluate(
                finder,
                level=level,
                queries=queries,
                pairs=pairs,
                sample=sample,
                ks=k,
                depth=depth,
                measures=measure or (),  # type: ignore[arg-type]  # the finder checks
                rerank=rerank,
                seed=seed,
                progress=bar,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    written = evaluation.save(found, out) if out is not None else []
    if as_json:
        print_json(found.as_dict())
        return
    _show(found)
    for path in written:
        typer.echo(f"wrote {short(str(path))}")


def _show(found: Evaluation) -> None:
    for line in found.told():
        typer.echo(plain(line))
    for failure in found.failed[:_CLASSES]:
        typer.echo(f"failed: {short(failure.path)}: {plain(failure.reason)}", err=True)
    interval = f"{found.setting.confidence:.0%} interval"
    whole = [name for name in found.figures if "@" not in name]
    print_table(
        "whole rankings", ("", "mean", interval), [(name, *_figure(found, name)) for name in whole]
    )
    cut = list(dict.fromkeys(name.partition("@")[0] for name in found.figures if "@" in name))
    rows = [
        (str(k), *(cell for name in cut for cell in _figure(found, f"{name}@{k}")))
        for k in found.setting.ks
    ]
    print_table("the first k places", ("k", *(head for name in cut for head in (name, ""))), rows)
    _show_classes(found)


def _figure(found: Evaluation, name: str) -> tuple[str, str]:
    figure = found.figures[name]
    return f"{figure.mean:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"


def _show_classes(found: Evaluation) -> None:
    if not found.classes:
        return
    names = ("mAP", f"precision@{found.setting.ks[0]}", "N-S")
    worst_first = sorted(found.classes, key=lambda one: one.figures["mAP"])
    rows: list[tuple[Any, ...]] = [
        (plain(one.name), one.images, one.queries, *(f"{one.figures[n]:.3f}" for n in names))
        for one in worst_first[:_CLASSES]
    ]
    print_table("by class, the worst first", ("class", "images", "queries", *names), rows)
    more = len(found.classes) - _CLASSES
    if more > 0:
        typer.echo(f"... and {more} more classes, better than these; --json names all")
