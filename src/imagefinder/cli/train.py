"""The verb `train`: fine-tune an encoder on your own images."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imagefinder.cli.options import AllowPrivate, Column, Json, usage_errors
from imagefinder.cli.output import plain, print_failures, print_json, print_table, short
from imagefinder.cli.terminal import progress_bar

if TYPE_CHECKING:
    from imagefinder.cli.terminal import ProgressBar
    from imagefinder.training import ProgressEvent, TrainingResult

_MODEL = "Model"
_OPTIMIZATION = "Training"
_VALIDATION = "Validation"

_Images = Annotated[
    str,
    typer.Argument(
        metavar="FOLDER|LIST", help="Images in one folder per class, or a list of URLs."
    ),
]
_Out = Annotated[
    Path, typer.Option("--out", metavar="NAME", help="The folder that becomes the encoder.")
]
_Label = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column of the list that holds the class labels.")
]
_Force = Annotated[
    bool, typer.Option("--force", help="Replace what another training run left in NAME.")
]
_Objective = Annotated[
    Literal["labels", "contrastive", "autoencoder"],
    typer.Option(
        help="labels: supervised, folders are classes. contrastive and autoencoder: no labels.",
        rich_help_panel=_OPTIMIZATION,
    ),
]
_Epochs = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Maximum number of epochs.", rich_help_panel=_OPTIMIZATION
    ),
]
_Batch = Annotated[
    int | None,
    typer.Option(
        min=8,
        metavar="N",
        help="Batch size.",
        show_default="what suits the base model",
        rich_help_panel=_OPTIMIZATION,
    ),
]
_Rate = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="RATE",
        help="Peak learning rate, between warm-up and cosine decay.",
        show_default="by objective",
        rich_help_panel=_OPTIMIZATION,
    ),
]
_Seed = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Random seed.", rich_help_panel=_OPTIMIZATION),
]
_Base = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Base model: compact, resnet18, resnet50, or OWNER/NAME of a ResNet on the hub.",
        rich_help_panel=_MODEL,
    ),
]
_Frozen = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Freeze the first N blocks.",
        show_default="by base model",
        rich_help_panel=_MODEL,
    ),
]
_Blend = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="SHARE",
        help="Weight interpolation (WiSE-FT): 0 = base, 1 = fine-tuned.",
        show_default="0.5; 1 for autoencoder",
        rich_help_panel=_MODEL,
    ),
]
_Size = Annotated[
    int | None,
    typer.Option(
        min=32,
        max=1024,
        metavar="PIXELS",
        help="Input size, width and height.",
        show_default="by base model",
        rich_help_panel=_MODEL,
    ),
]
_Dim = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Output dimensions (PCA).",
        show_default="all of the base model's",
        rich_help_panel=_MODEL,
    ),
]
_Clusters = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="K-means clusters of the catalogue's index.",
        show_default="square root of the number of images",
        rich_help_panel=_MODEL,
    ),
]
_HeldOut = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=0.9,
        metavar="SHARE",
        help="Validation fraction.",
        rich_help_panel=_VALIDATION,
    ),
]
_Patience = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Early stopping: epochs without improvement.",
        rich_help_panel=_VALIDATION,
    ),
]


def train(
    images: _Images,
    out: _Out,
    label: _Label = None,
    force: _Force = False,
    objective: _Objective = "labels",
    epochs: _Epochs = 8,
    batch: _Batch = None,
    rate: _Rate = None,
    seed: _Seed = 0,
    base: _Base = "compact",
    frozen: _Frozen = None,
    blend: _Blend = None,
    size: _Size = None,
    dim: _Dim = None,
    clusters: _Clusters = None,
    held_out: _HeldOut = 0.1,
    patience: _Patience = 3,
    column: Column = None,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Fine-tune an encoder on your own images.

    NAME is then a folder for --encoder, with a catalogue of the images and a report in it. An
    interrupted run resumes when the same command is run again.
    """
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # its warnings about fonts
    from imagefinder import training

    with usage_errors():
        settings = training.Settings(
            objective=objective,
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
    with progress_bar() as bar:
        result = training.train(
            images,
            out,
            settings,
            label=label,
            column=column,
            allow_private=allow_private,
            force=force,
            progress=partial(_show, bar),
        )
    _print(result, as_json)


def _show(bar: ProgressBar, event: ProgressEvent) -> None:
    bar.update(event.phase, event.done, event.total, _metrics(event))


def _metrics(event: ProgressEvent) -> str:
    shown = {"loss": event.loss, "validation": event.validation}
    return ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)


def _print(result: TrainingResult, as_json: bool) -> None:
    if as_json:
        print_json(result.as_json())
        return
    best = f"the best was epoch {result.best_epoch}"
    if not result.best_epoch:
        best = "none improved on the base model, which is left unchanged"
    typer.echo(
        f"{result.images - result.held_out:,} training images, {result.held_out:,} validation "
        f"images; {result.epochs} epochs in {result.seconds:.0f} s, {best}"
    )
    print_failures(result.failed)
    rows = [
        (name, f"{before:.3f}", f"{result.after[name]:.3f}")
        for name, before in result.before.items()
    ]
    print_table("validation metrics", ("", "before", "after"), rows)
    folder = plain(short(str(result.folder)))
    typer.echo(f"the report is {folder}/report.html; now try: imagefinder add … --encoder {folder}")
