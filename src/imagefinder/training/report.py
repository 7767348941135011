"""HTML report of a training run: learning curves, metrics before and after, reconstructions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagefinder._utils.atomic import atomic_write
from imagefinder.training.result import TrainingResult
from imagefinder.training.run_directory import REPORT
from imagefinder.visualization.html import ThemedPlot, data_url, render
from imagefinder.visualization.plotting import DARK, LIGHT, Theme, png, themed_axes

Reconstructions = Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Pairs of an image and its reconstruction, both (side, side, 3)."""

_MEANS = {
    "mAP": "mean average precision, leave-one-out",
    "R@1": "the nearest neighbor is of the same class",
    "copies": "near-duplicates whose nearest neighbor is the original",
}


def save_report(result: TrainingResult, reconstructions: Reconstructions, folder: Path) -> None:
    """Write ``report.html`` and ``report.json``. Raises MissingExtra."""
    text = json.dumps(result.as_json(), ensure_ascii=False, indent=2, allow_nan=False)
    for ending, content in (("json", text), ("html", html_report(result, reconstructions))):
        with atomic_write(folder / f"{REPORT}.{ending}") as file:
            file.write_bytes(content.encode("utf-8", "backslashreplace"))


def html_report(result: TrainingResult, reconstructions: Reconstructions) -> str:
    """A self-contained HTML page."""
    settings = result.settings
    return render(
        __package__,
        "training.html",
        title=f"Training: {settings.objective} from {settings.base}",
        result=result,
        summary=_summary(result),
        means=_MEANS,
        curves=_curves(result),
        reconstructions=[(_url(one), _url(other)) for one, other in reconstructions],
        settings=list(vars(settings).items()),
        failures=[(one.path, one.reason) for one in result.failed],
    )


def _summary(result: TrainingResult) -> list[str]:
    settings = result.settings
    classes = f" of {result.classes:,} classes" if result.classes else ""
    best = (
        f"the weights of epoch {result.best_epoch} are the best"
        if result.best_epoch
        else "none improved on the base model, which is left unchanged"
    )
    return [
        f"{settings.objective} from {settings.base}: {result.images:,} images{classes}, "
        f"of which {result.held_out:,} were held out for validation",
        f"{result.epochs} of at most {settings.epochs} epochs; {best}",
    ]


def _curves(result: TrainingResult) -> list[ThemedPlot]:
    score = "validation mAP" if result.settings.objective == "labels" else "validation loss"
    curves = (
        ("training loss", result.losses, 1, None),
        (score, result.validation, 0, result.best_epoch),
    )
    return [
        ThemedPlot(
            name,
            _curve(name, values, first, best, LIGHT),
            _curve(name, values, first, best, DARK),
        )
        for name, values, first, best in curves
    ]


def _curve(name: str, values: Sequence[float], first: int, best: int | None, theme: Theme) -> bytes:
    figure, axes = themed_axes(theme, "epoch", name)
    epochs = range(first, first + len(values))
    axes.plot(epochs, values, color=theme.relevant, linewidth=2, marker="o", markersize=4)
    if best is not None:
        axes.plot([best], [values[best]], color=theme.other, marker="o", markersize=9)
        axes.annotate(
            "best",
            (best, values[best]),
            xytext=(0, 10),
            textcoords="offset points",
            color=theme.ink,
        )
        axes.margins(y=0.2)
    axes.locator_params("x", integer=True)
    return png(figure)


def _url(pixels: NDArray[np.uint8]) -> str:
    with BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return data_url(file.getvalue())
