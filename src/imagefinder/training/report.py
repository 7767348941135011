"""A training as a page: how it went, what it changed, and what was rebuilt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagefinder.training.result import Outcome
from imagefinder.training.run_directory import REPORT
from imagefinder.visualization.html import data, document, plot, table, tile
from imagefinder.visualization.plotting import DARK, LIGHT, Theme, png, themed_axes

Rebuilt = Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Images of one size, and what was rebuilt of them, both (side, side, 3)."""

_MEANS = {
    "mAP": "mean average precision, leaving one out",
    "R@1": "the nearest is of the same class",
    "copies": "copies, changed in twelve ways, that find their original",
}


def save_report(outcome: Outcome, rebuilt: Rebuilt, folder: Path) -> None:
    """Write ``report.html`` and ``report.json``. Raises MissingExtra."""
    text = json.dumps(outcome.as_json(), ensure_ascii=False, indent=2, allow_nan=False)
    for ending, content in (("json", text), ("html", page(outcome, rebuilt))):
        file = folder / f"{REPORT}.{ending}"
        file.write_bytes(content.encode("utf-8", "backslashreplace"))


def page(outcome: Outcome, rebuilt: Rebuilt) -> str:
    """The whole page, which needs nothing from elsewhere."""
    settings = outcome.settings
    told = "".join(f"<p>{escape(line)}</p>" for line in _told(outcome))
    tiles = "".join(
        tile(name, f"{outcome.after[name]:.3f}", f"{before:.3f} before; {_MEANS[name]}")
        for name, before in outcome.before.items()
    )
    chosen = table(
        ("setting", "value"),
        [(name, escape(str(value))) for name, value in vars(settings).items()],
    )
    body = f"""<h1>What was learnt from {outcome.images:,} images</h1>
{told}
<div class="tiles">{tiles}</div>
<h2>Epoch by epoch</h2>
<div class="plots">{"".join(_curves(outcome))}</div>
{_examples(rebuilt)}
<h2>Settings</h2>
{chosen}
{_failures(outcome)}"""
    return document(f"Training: {settings.objective} from {settings.base}", body)


def _told(outcome: Outcome) -> list[str]:
    settings = outcome.settings
    classes = f" of {outcome.classes:,} classes" if outcome.classes else ""
    kept = (
        f"those of epoch {outcome.best_epoch} were kept"
        if outcome.best_epoch
        else "none was better than the base, which was kept as it was"
    )
    return [
        f"{settings.objective} from {settings.base}: {outcome.images:,} images{classes}, "
        f"of which {outcome.held_out:,} were held out and judge",
        f"{outcome.epochs} of at most {settings.epochs} epochs; {kept}",
    ]


def _curves(outcome: Outcome) -> list[str]:
    judge = "mAP of held-out images" if _by_classes(outcome) else "loss of held-out images"
    curves = (("loss", outcome.losses, 1, None), (judge, outcome.judged, 0, outcome.best_epoch))
    return [
        plot(
            name,
            _curve(name, values, first, best, LIGHT),
            _curve(name, values, first, best, DARK),
        )
        for name, values, first, best in curves
    ]


def _by_classes(outcome: Outcome) -> bool:
    return outcome.settings.objective == "labels"


def _curve(name: str, values: Sequence[float], first: int, best: int | None, theme: Theme) -> bytes:
    figure, axes = themed_axes(theme, "epoch", name)
    epochs = range(first, first + len(values))
    axes.plot(epochs, values, color=theme.relevant, linewidth=2, marker="o", markersize=4)
    if best is not None:
        axes.plot([best], [values[best]], color=theme.other, marker="o", markersize=9)
        axes.annotate(
            "kept",
            (best, values[best]),
            xytext=(0, 10),
            textcoords="offset points",
            color=theme.ink,
        )
        axes.margins(y=0.2)
    axes.locator_params("x", integer=True)
    return png(figure)


def _examples(rebuilt: Rebuilt) -> str:
    if not rebuilt:
        return ""
    pairs = "".join(f"<figure>{_image(image)}{_image(again)}</figure>" for image, again in rebuilt)
    return (
        "<h2>Held-out images, and what was rebuilt from their rows</h2>"
        f'<div class="example"><div class="row">{pairs}</div></div>'
    )


def _image(pixels: NDArray[np.uint8]) -> str:
    with BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return f'<img alt="" src="{data(file.getvalue())}">'


def _failures(outcome: Outcome) -> str:
    if not outcome.failed:
        return ""
    rows = [(escape(one.path), escape(one.reason)) for one in outcome.failed]
    shown = table(("image", "why"), rows)
    return f"<h2>Not used</h2><details><summary>{len(rows)} images</summary>{shown}</details>"
