"""An evaluation as files in a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from imagefinder.drawing import DARK, empty_figure
from imagefinder.evaluation.evaluation import Evaluation
from imagefinder.evaluation.page import page
from imagefinder.evaluation.plots import plots
from imagefinder.inputs import absolute


def ready(folder: str | os.PathLike[str]) -> Path:
    """The folder, made if need be, before there is anything to save. Raises MissingExtra."""
    empty_figure(1, 1)  # before anything is measured in vain
    place = absolute(folder)
    place.mkdir(parents=True, exist_ok=True)
    return place


def save(evaluation: Evaluation, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``report.json``, ``report.html`` and the plots, in place of older ones; says what.

    Raises MissingExtra where plots cannot be drawn.
    """
    place = ready(folder)
    light, dark = plots(evaluation), plots(evaluation, DARK)
    text = json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)
    contents = {
        "report.json": _encoded(text),
        "report.html": _encoded(page(evaluation, light, dark)),
        **{f"{name}.png": png for name, png in light.items()},
    }
    for name, content in contents.items():
        (place / name).write_bytes(content)
    return [place / name for name in contents]


def _encoded(text: str) -> bytes:
    """A name that is no UTF-8 is shown by its escapes."""
    return text.encode("utf-8", "backslashreplace")
