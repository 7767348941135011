"""The plots of an evaluation, as PNG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagefinder.evaluation.report import Confused, Evaluation
from imagefinder.visualization.plotting import LIGHT, Theme, png, themed_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


from pathlib import Path

from imagefinder.errors import ImageFinderError
from imagefinder.evaluation.index_benchmark import Audit
from imagefinder.visualization.plotting import empty_figure

_CLASSES = 40  # more could not be read
_NUMBERED = 15  # classes that leave room for numbers
_LETTERS = 32
_STRONG = 0.6  # a shade that dark ink cannot be read on


def plots(evaluation: Evaluation, theme: Theme = LIGHT) -> dict[str, bytes]:
    """By name; ``confusion`` only where images have classes. Raises MissingExtra."""
    drawn = {
        "precision-recall": _precision_recall(evaluation, theme),
        "scores": _scores(evaluation, theme),
    }
    if evaluation.confused:
        drawn["confusion"] = _confusion(evaluation.confused, theme)
    return {name: png(figure) for name, figure in drawn.items()}


def _precision_recall(evaluation: Evaluation, theme: Theme) -> Figure:
    figure, axes = themed_axes(theme, "recall", "interpolated precision")
    curve = evaluation.curve
    axes.plot(curve.recall, curve.precision, color=theme.relevant, linewidth=2, clip_on=False)
    axes.fill_between(curve.recall, curve.precision, color=theme.relevant, alpha=0.12, linewidth=0)
    axes.axhline(curve.chance, color=theme.other, linewidth=1.5, linestyle="--")
    at = min(curve.chance + 0.02, 0.94)
    axes.text(0.99, at, "in any order", color=theme.other, ha="right", va="bottom")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"Precision and recall (mAP {evaluation.figures['mAP'].mean:.3f})")
    return figure


def _scores(evaluation: Evaluation, theme: Theme) -> Figure:
    figure, axes = themed_axes(theme, "score", "share of pairs")
    scores = evaluation.scores
    for counts, colour, name in (
        (scores.other, theme.other, "other pairs"),
        (scores.relevant, theme.relevant, "relevant pairs"),
    ):
        shares = counts / max(1, counts.sum())
        axes.stairs(shares, scores.edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(shares, scores.edges, color=colour, linewidth=1.8, label=name)
    axes.legend(frameon=False, labelcolor=theme.ink)
    axes.set_ylim(bottom=0)
    axes.set_title("Scores of pairs")
    return figure


def _confusion(confused: Sequence[Confused], theme: Theme) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap

    rows, columns, counts = _table(confused)
    side = 2.8 + 0.24 * len(columns), 2.4 + 0.24 * len(rows)
    figure, axes = themed_axes(theme, "class of the first hit", "class of the query", side)
    # the root makes few wrong hits visible beside many right ones
    strength = np.sqrt(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))
    right = np.equal.outer(rows, columns)
    for colour, cells in ((theme.relevant, right), (theme.other, ~right)):
        shades = LinearSegmentedColormap.from_list("shades", [theme.paper, colour])
        axes.imshow(np.ma.masked_array(strength, ~cells), cmap=shades, vmin=0, vmax=1)
    axes.grid(visible=False)
    size = 9 if len(rows) <= _NUMBERED else 7
    # a folder's name is no formula
    plain: dict[str, Any] = {"fontsize": size, "parse_math": False}
    axes.set_xticks(range(len(columns)), map(_short, columns), rotation=90, **plain)
    axes.set_yticks(range(len(rows)), map(_short, rows), **plain)
    if len(rows) <= _NUMBERED:
        for row, column in np.argwhere(counts).tolist():
            ink = theme.paper if strength[row, column] > _STRONG else theme.ink
            text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": ink}
            axes.text(column, row, f"{counts[row, column]:.0f}", **text)
    few = {one.query for one in confused} == set(rows)
    axes.set_title("First hits by class" + ("" if few else ", those most often wrong"))
    return figure


def _table(confused: Sequence[Confused]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Rows of queries' classes, those most often wrong; columns of the hits'; and counts."""
    wrong: Counter[str] = Counter()
    for one in confused:
        wrong[one.query] += one.count * (one.hit != one.query)
    rows = sorted(name for name, _ in wrong.most_common(_CLASSES))
    shown = [one for one in confused if one.query in rows]
    columns = [*rows, *sorted({_column(one, rows) for one in shown} - {*rows})]
    counts = np.zeros((len(rows), len(columns)))
    for one in shown:
        counts[rows.index(one.query), columns.index(_column(one, rows))] += one.count
    return rows, columns, counts


def _column(one: Confused, rows: Sequence[str]) -> str:
    if one.hit is None:
        return "(no class)"
    return one.hit if one.hit in rows else "(another)"


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def plot_audits(audits: Sequence[Audit], out: Path) -> None:
    """How much each kind of index finds against how fast, drawn to a file.

    Raises MissingExtra, or ImageFinderError for an ending that is no image's.
    """
    figure = empty_figure(7, 4.5)
    axes = figure.add_subplot()
    for one in audits:
        if one.failure:
            continue
        place = one.recall[10], one.queries_per_second
        axes.scatter(*place, s=40, color="#0969da")
        axes.annotate(
            one.choice.kind, place, xytext=(-8, -4), textcoords="offset points", ha="right"
        )
    axes.set(xlabel="recall@10", ylabel="queries per second, one at a time", yscale="log")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter("")
    axes.margins(x=0.15, y=0.15)
    axes.grid(alpha=0.3)
    try:
        figure.savefig(out, dpi=150)
    except ValueError as error:
        raise ImageFinderError(f"{out}: its name must end like an image's, .png say") from error
