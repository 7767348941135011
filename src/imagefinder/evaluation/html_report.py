"""HTML report of an evaluation: one self-contained page, with JSON and plots beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from imagefinder._utils.outputs import is_made_by, mark, translate_errors, write_output
from imagefinder.errors import OutputError
from imagefinder.evaluation.metrics import AT_K, WHOLE
from imagefinder.evaluation.plots import plots
from imagefinder.evaluation.report import EvalImage, Evaluation
from imagefinder.images.inputs import absolute
from imagefinder.images.thumbnail_html import thumbnail_html
from imagefinder.visualization.html import ThemedPlot, render
from imagefinder.visualization.plotting import DARK, check_plotting

_SIDE = 112  # pixels of a thumbnail
_COMMAND = "evaluate"
_PAGE = "report.html"
_WIDE = {"confusion"}  # plots on a line of their own


def html_report(
    evaluation: Evaluation, light: Mapping[str, bytes], dark: Mapping[str, bytes]
) -> str:
    """The whole page; ``light`` and ``dark`` are the same plots for either color scheme."""
    return render(
        __package__,
        "report.html",
        title=f"Evaluation: {evaluation.setup.encoder}",
        generator=mark(_COMMAND),
        evaluation=evaluation,
        whole=WHOLE,
        at_k=AT_K,
        class_rows=[
            (
                one.name,
                f"{one.images:,}",
                f"{one.queries:,}",
                *(f"{one.metrics[name]:.3f}" for name in WHOLE),
            )
            for one in evaluation.classes
        ],
        drawn=[ThemedPlot(name, light[name], dark[name], name in _WIDE) for name in light],
        thumbnail=partial(thumbnail_html, side=_SIDE),
        name_of=_name,
    )


def _name(image: EvalImage) -> str:
    return Path(image.path).name if image.path else image.id or ""


def prepare(folder: str | os.PathLike[str], force: bool = False) -> Path:
    """The folder for a report, created if needed, before anything is measured.

    Raises OutputError for a folder with other files than those of a report, unless ``force`` adds
    them there, and MissingExtra where plots cannot be drawn.
    """
    check_plotting()
    root = absolute(folder)
    with translate_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        if not force and any(root.iterdir()) and not _is_report(root):
            raise OutputError(
                f"{root} holds other files than a report: choose another folder, or write the "
                "report there with --force (force=True)"
            )
        if not os.access(root, os.W_OK):
            raise OutputError(f"{root} cannot be written: no permission")
    return root


def save(
    evaluation: Evaluation, folder: str | os.PathLike[str], *, force: bool = False
) -> list[Path]:
    """Write ``report.json``, ``report.html`` and the plots, replacing older ones; their paths.

    Raises OutputError and MissingExtra as ``prepare`` does.
    """
    root = prepare(folder, force)
    light, dark = plots(evaluation), plots(evaluation, DARK)
    text = json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)
    contents = {
        "report.json": _encoded(text),
        _PAGE: _encoded(html_report(evaluation, light, dark)),
        **{f"{name}.png": png for name, png in light.items()},
    }
    for name in sorted(contents, key=_PAGE.__ne__):  # it first: the folder is known by it
        with write_output(root / name) as file:
            file.write_bytes(contents[name])
    return [root / name for name in contents]


def _is_report(folder: Path) -> bool:
    page = folder / _PAGE
    return page.is_file() and is_made_by(page, _COMMAND)


def _encoded(text: str) -> bytes:
    """A name that is not UTF-8 is shown by its escapes."""
    return text.encode("utf-8", "backslashreplace")
