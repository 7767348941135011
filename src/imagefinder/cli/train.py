"""The command that teaches an encoder one's own images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import AllowPrivate, Column, Json
from imagefinder.cli.output import plain, print_failures, print_json, print_table, short
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.training import Moment, Outcome


def train(
    images: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|LIST", help="Images, in a folder for each class; or a list of URLs."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="NAME", help="The folder that becomes the encoder.")
    ],
    objective: Annotated[
        str, typer.Option(help="labels (folders are classes), contrastive or autoencoder.")
    ] = "labels",
    base: Annotated[
        str,
        typer.Option(help="compact, or a ResNet of the hub: resnet18, resnet50, OWNER/NAME."),
    ] = "compact",
    epochs: Annotated[int, typer.Option(min=1, help="How often each image is shown.")] = 8,
    batch: Annotated[
        int, typer.Option(min=0, help="Images in one step; 0 is what suits the base.")
    ] = 0,
    rate: Annotated[
        float, typer.Option(min=0, help="The highest learning rate; 0 is the objective's own.")
    ] = 0,
    blend: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="How far to go from the base's weights to those learnt; 0: usual."
        ),
    ] = 0,
    frozen: Annotated[
        int, typer.Option(min=-1, help="How many of the first parts stay as they are; -1: usual.")
    ] = -1,
    size: Annotated[
        int, typer.Option(min=0, max=1024, help="Pixels a side; 0 is the base's own.")
    ] = 0,
    dim: Annotated[
        int, typer.Option(min=0, help="Numbers in a row, by PCA; 0: as many as the base gives.")
    ] = 0,
    clusters: Annotated[
        int, typer.Option(min=0, help="Of K-means; 0: the root of the number of images.")
    ] = 0,
    held_out: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="The share of images that only judge.")
    ] = 0.1,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs without getting better, after which it ends.")
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    label: Annotated[
        str | None, typer.Option(metavar="NAME", help="The list's column of classes.")
    ] = None,
    column: Column = None,
    allow_private: AllowPrivate = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what another training left in NAME.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Teach an encoder your own images.

    NAME is then a folder for --encoder, with a catalogue of the images and a report in it. Cut
    short at any moment, the same command goes on.
    """
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # what it says of fonts
    from imagefinder import training as finetuning

    try:
        settings = finetuning.Settings(
            objective=objective,  # type: ignore[arg-type]  # it is checked there
            base=base,
            size=size,
            dim=dim,
            epochs=epochs,
            batch=batch,
            rate=rate,
            blend=blend,
            frozen=frozen,
            held_out=held_out,
            patience=patience,
            clusters=clusters,
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with _bar() as told:
        outcome = finetuning.train(
            images,
            out,
            settings,
            label=label,
            column=column,
            allow_private=allow_private,
            force=force,
            progress=told,
        )
    if as_json:
        print_json(outcome.as_json())
    else:
        _print(outcome)


@contextmanager
def _bar() -> Iterator[Callable[[Moment], object]]:
    """What is to be told of each moment, and shows how far it is, the loss and the time left."""
    stderr = quiet_libraries()
    if not stderr.isatty():
        yield lambda moment: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[figures]}"),
        bars.TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    with bars.Progress(*columns, console=Console(file=stderr), transient=True) as bar:

        def told(moment: Moment) -> None:
            if moment.doing not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                # a training that goes on has not done in no time what was done before
                tasks[moment.doing] = bar.add_task(
                    moment.doing, completed=moment.done, total=moment.total, figures=""
                )
            bar.update(tasks[moment.doing], completed=moment.done, figures=_figures(moment))

        yield told


def _figures(moment: Moment) -> str:
    shown = {"loss": moment.loss, "held out": moment.judged}
    return ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)


def _print(outcome: Outcome) -> None:
    kept = f"epoch {outcome.best_epoch} was the best"
    if not outcome.best_epoch:
        kept = "none was better than the base, which is kept as it was"
    typer.echo(
        f"{outcome.images - outcome.held_out:,} images learnt from, {outcome.held_out:,} held "
        f"out; {outcome.epochs} epochs in {outcome.seconds:.0f} s, {kept}"
    )
    print_failures(outcome.failed)
    rows = [
        (name, f"{before:.3f}", f"{outcome.after[name]:.3f}")
        for name, before in outcome.before.items()
    ]
    print_table("what held-out images find", ("", "before", "after"), rows)
    folder = plain(short(str(outcome.folder)))
    typer.echo(f"the report is {folder}/report.html; now try: imagefinder add … --encoder {folder}")
