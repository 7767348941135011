"""The verb `evaluate`: retrieval metrics of a catalogue against a ground truth."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.option_groups import takes_option_groups
from imagefinder.cli.options import (
    DB,
    At,
    Db,
    Force,
    Json,
    Measures,
    Options,
    Rerank,
    SameEncoder,
    open_finder,
    usage_errors,
)
from imagefinder.cli.output import plain, print_json, print_table, short
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.evaluation import EvalConfig, Evaluation

_CLASSES = 20  # printed; --json has all


_Level = Annotated[
    int, typer.Option(min=1, help="Which folder names an image's class, counted upwards.")
]
_Queries = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Query images, in subfolders named as the classes."),
]
_Pairs = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv", help="Ground truth in the columns query and relevant."),
]
_Sample = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Evaluate a random sample of N queries.")
]
_Cutoffs = Annotated[
    list[int],
    typer.Option("--cutoff", "-k", min=1, metavar="K", help="Metrics at k; repeatable."),
]
_Depth = Annotated[
    int | None,
    typer.Option(min=1, help="Ranks to evaluate (10000, but 99 with an approximate index)."),
]
_Seed = Annotated[int, typer.Option(min=0, help="Random seed for the sample and the bootstrap.")]
_Report = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Write a report with plots.", file_okay=False),
]


@dataclass(frozen=True)
class EvaluationOptions:
    """As given on the command line; each field is an option."""

    level: _Level = 1
    queries: _Queries = None
    pairs: _Pairs = None
    sample: _Sample = None
    k: _Cutoffs = field(default_factory=lambda: [1, 5, 10])
    depth: _Depth = None
    measure: Measures = None
    rerank: Rerank = None
    seed: _Seed = 0
    out: _Report = None
    force: Force = False

    def check(self) -> None:
        """Before any work. Raises BadParameter, and OutputError for a folder of others."""
        from imagefinder import evaluation

        if self.pairs is not None and (self.queries is not None or self.level != 1):
            raise typer.BadParameter("--pairs cannot be combined with --queries or --level")
        if self.out is not None:
            evaluation.prepare(self.out, self.force)

    def config(self) -> EvalConfig:
        """What to evaluate, and how."""
        from imagefinder import evaluation

        with usage_errors():
            return evaluation.EvalConfig(
                level=self.level,
                queries=self.queries,
                pairs=self.pairs,
                sample=self.sample,
                ks=self.k,
                depth=self.depth,
                measures=self.measure or (),  # type: ignore[arg-type]  # EvalConfig checks
                rerank=self.rerank,
                seed=self.seed,
            )

    def show(self, found: Evaluation, as_json: bool) -> None:
        """Write the report if there is to be one, and print the figures."""
        from imagefinder import evaluation

        out = self.out
        written = evaluation.save(found, out, force=self.force) if out is not None else []
        if as_json:
            print_json(found.as_dict())
            return
        _print(found)
        for path in written:
            typer.echo(f"wrote {short(str(path))}")


@takes_option_groups
def evaluate(
    db: Db = DB,
    at: At = None,
    *,
    evaluated: EvaluationOptions,
    encoder: SameEncoder = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval quality (mAP, nDCG, precision, recall) against a ground truth."""
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # its messages about fonts
    from imagefinder import evaluation

    evaluated.check()
    config = evaluated.config()
    with usage_errors(), open_finder(db, encoder, option, at) as finder, track("searching") as bar:
        found = evaluation.evaluate(finder, config, progress=bar)
    evaluated.show(found, as_json)


def _print(found: Evaluation) -> None:
    for line in found.description():
        typer.echo(plain(line))
    for failure in found.failed[:_CLASSES]:
        typer.echo(f"failed: {short(failure.path)}: {plain(failure.reason)}", err=True)
    interval = f"{found.setup.confidence:.0%} interval"
    whole = [name for name in found.metrics if "@" not in name]
    print_table(
        "whole rankings",
        ("", "mean", interval),
        [(name, *_estimate(found, name)) for name in whole],
    )
    at_k = list(dict.fromkeys(name.partition("@")[0] for name in found.metrics if "@" in name))
    rows = [
        (str(k), *(cell for name in at_k for cell in _estimate(found, f"{name}@{k}")))
        for k in found.setup.ks
    ]
    print_table("at rank k", ("k", *(head for name in at_k for head in (name, ""))), rows)
    _print_classes(found)


def _estimate(found: Evaluation, name: str) -> tuple[str, str]:
    estimate = found.metrics[name]
    return f"{estimate.mean:.3f}", estimate.interval


def _print_classes(found: Evaluation) -> None:
    if not found.classes:
        return
    names = ("mAP", f"precision@{found.setup.ks[0]}", "N-S")
    worst_first = sorted(found.classes, key=lambda one: one.metrics["mAP"])
    rows: list[tuple[Any, ...]] = [
        (plain(one.name), one.images, one.queries, *(f"{one.metrics[n]:.3f}" for n in names))
        for one in worst_first[:_CLASSES]
    ]
    print_table("by class, worst first", ("class", "images", "queries", *names), rows)
    more = len(found.classes) - _CLASSES
    if more > 0:
        typer.echo(f"... and {more} better classes; --json lists all")
