"""An evaluation as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from imagefinder.evaluation.evaluation import ClassFigures, Evaluation, Example, Figure, Picture
from imagefinder.evaluation.figures import CUT, WHOLE
from imagefinder.hits import shown
from imagefinder.pages import document, plot, table, tile

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
            f"{one.pictures:,}",
            f"{one.queries:,}",
            *(f"{one.figures[name]:.3f}" for name in _OF_CLASSES),
        )
        for one in classes
    ]
    shown = table(("class", "pictures", "queries", *_OF_CLASSES), rows)
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


def _figure(picture: Picture, mark: str, kind: str) -> str:
    score = "" if picture.score is None else f" {picture.score:.3f}"
    classes = ", ".join(picture.classes)
    name = Path(picture.path).name if picture.path else picture.id or ""
    return (
        f'<figure class="{kind}" title="{escape(picture.path or name)}">'
        f"{shown(picture.path, _SIDE)}"
        f"<figcaption><b>{mark}</b>{score}<br>{escape(classes or name)}</figcaption></figure>"
    )
