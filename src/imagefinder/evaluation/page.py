"""An evaluation as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from imagefinder.evaluation.evaluation import ClassFigures, Evaluation, Example, Figure, Picture
from imagefinder.evaluation.figures import CUT, WHOLE
from imagefinder.hits import thumbnail

_SIDE = 112  # pixels, of a thumbnail
_SCALE = 0.6  # of a plot
_WIDE = {"confusion"}  # plots with a line of their own
_OF_CLASSES = ("mAP", "nDCG", "R-precision", "MRR", "N-S")
_NOTHING_ELSE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(evaluation: Evaluation, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """The whole page; ``light`` and ``dark`` are the same plots for either kind of screen."""
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    told = "".join(f"<p>{escape(line)}</p>" for line in evaluation.told())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_NOTHING_ELSE}">
<title>Evaluation: {escape(evaluation.setting.encoder)}</title>
<style>
{style}</style>
</head>
<body>
<h1>How well it finds what belongs together</h1>
{told}
<div class="tiles">{"".join(_tile(name, evaluation.figures[name]) for name in WHOLE)}</div>
<p>Means over all queries, with intervals of {evaluation.setting.confidence:.0%} from
{evaluation.setting.resamples:,} bootstrap resamples. N-S counts to 4.</p>
<h2>The first k places</h2>
{_by_k(evaluation)}
<h2>Plots</h2>
<div class="plots">{"".join(_plot(name, light[name], dark[name]) for name in light)}</div>
{_by_class(evaluation.classes)}
<h2>The best queries</h2>
{"".join(map(_example, evaluation.best))}
<h2>The worst queries</h2>
{"".join(map(_example, evaluation.worst))}
</body>
</html>
"""


def _tile(name: str, figure: Figure) -> str:
    return (
        f'<div class="tile">{name}<b>{figure.mean:.3f}</b>'
        f"<small>{figure.low:.3f} to {figure.high:.3f}</small></div>"
    )


def _by_k(evaluation: Evaluation) -> str:
    rows = [
        (str(k), *(_cell(evaluation.figures[f"{name}@{k}"]) for name in CUT))
        for k in evaluation.setting.ks
    ]
    return _table(("k", *CUT), rows)


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
    table = _table(("class", "pictures", "queries", *_OF_CLASSES), rows)
    return f"<h2>By class</h2><details open><summary>{len(rows)} classes</summary>{table}</details>"


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    heads = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _plot(name: str, light: bytes, dark: bytes) -> str:
    kind = "whole" if name in _WIDE else "half"
    return (
        f'<picture class="{kind}">'
        f'<source media="(prefers-color-scheme: dark)" srcset="{_data(dark)}">'
        f'<img alt="{name}" width="{_width(light)}" src="{_data(light)}"></picture>'
    )


def _width(png: bytes) -> int:
    """In pixels of the page, so that all plots' letters are of one size."""
    return round(_SCALE * int.from_bytes(png[16:20], "big"))  # PNG's first chunk, IHDR


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


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
        f"{thumbnail(picture.path, _SIDE)}"
        f"<figcaption><b>{mark}</b>{score}<br>{escape(classes or name)}</figcaption></figure>"
    )
