"""An evaluation as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from imagefinder.evaluation.metrics import CUT, WHOLE
from imagefinder.evaluation.plots import plots
from imagefinder.evaluation.report import ClassFigures, EvalImage, Evaluation, Example, Figure
from imagefinder.images.inputs import absolute
from imagefinder.search.hits import shown
from imagefinder.visualization.html import document, plot, table, tile
from imagefinder.visualization.plotting import DARK, empty_figure

_SIDE = 112  # pixels, of a thumbnail
_WIDE = {"confusion"}  # plots with a line of their own
_OF_CLASSES = ("mAP", "nDCG", "R-precision", "MRR", "N-S")


def page(evaluation: Evaluation, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """The whole page; ``light`` and ``dark`` are the same plots for either kind of screen."""
    told = "".join(f"<p>{escape(line)}</p>" for line in evaluation.told())
    drawn = "".join(plot(name, light[name], dark[name], name in _WIDE) for name in light)
    body = f"""<h1>How well it finds what belongs together</h1>
{told}
<div class="tiles">{"".join(_tile(name, evaluation.figures[name]) for name in WHOLE)}</div>
<p>Means over all queries, with intervals of {evaluation.setting.confidence:.0%} from
{evaluation.setting.resamples:,} bootstrap resamples. N-S counts to 4.</p>
<h2>The first k places</h2>
{_by_k(evaluation)}
<h2>Plots</h2>
<div class="plots">{drawn}</div>
{_by_class(evaluation.classes)}
<h2>The best queries</h2>
{"".join(map(_example, evaluation.best))}
<h2>The worst queries</h2>
{"".join(map(_example, evaluation.worst))}"""
    return document(f"Evaluation: {evaluation.setting.encoder}", body)


def _tile(name: str, figure: Figure) -> str:
    return tile(name, f"{figure.mean:.3f}", f"{figure.low:.3f} to {figure.high:.3f}")


def _by_k(evaluation: Evaluation) -> str:
    rows = [
        (str(k), *(_cell(evaluation.figures[f"{name}@{k}"]) for name in CUT))
        for k in evaluation.setting.ks
    ]
    return table(("k", *CUT), rows)


def _cell(figure: Figure) -> str:
    return f"{figure.mean:.3f} <small>{figure.low:.3f} to {figure.high:.3f}</small>"


def _by_class(classes: Sequence[ClassFigures]) -> str:
    if not classes:
        return ""
    rows = [
        (
            escape(one.name),
            f"{one.images:,}",
            f"{one.queries:,}",
            *(f"{one.figures[name]:.3f}" for name in _OF_CLASSES),
        )
        for one in classes
    ]
    shown = table(("class", "images", "queries", *_OF_CLASSES), rows)
    return f"<h2>By class</h2><details open><summary>{len(rows)} classes</summary>{shown}</details>"


def _example(example: Example) -> str:
    hits = "".join(
        _figure(hit, f"{place}. {'✓' if hit.right else '✗'}", "right" if hit.right else "wrong")
        for place, hit in enumerate(example.hits, start=1)
    )
    return (
        f'<div class="example">average precision {example.average_precision:.3f}'
        f'<div class="row">{_figure(example.query, "query", "query")}{hits}</div></div>'
    )


def _figure(image: EvalImage, mark: str, kind: str) -> str:
    score = "" if image.score is None else f" {image.score:.3f}"
    classes = ", ".join(image.classes)
    name = Path(image.path).name if image.path else image.id or ""
    return (
        f'<figure class="{kind}" title="{escape(image.path or name)}">'
        f"{shown(image.path, _SIDE)}"
        f"<figcaption><b>{mark}</b>{score}<br>{escape(classes or name)}</figcaption></figure>"
    )


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
