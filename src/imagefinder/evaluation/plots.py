"""Evaluation plots: precision-recall curve, score histogram, confusion matrix, index benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.outputs import check_output, mark, write_output
from imagefinder.errors import ImageFinderError
from imagefinder.evaluation.index_benchmark import IndexBenchmark
from imagefinder.evaluation.report import Confusion, Evaluation
from imagefinder.visualization.plotting import (
    LIGHT,
    Theme,
    check_plotting,
    empty_figure,
    png,
    themed_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLASSES = 40  # more would not be legible
_NUMBERED = 15  # classes that leave room for numbers
_CHARACTERS = 32
_COMMAND = "index audit"
_STRONG = 0.6  # a shade that dark text is not legible on


def plots(evaluation: Evaluation, theme: Theme = LIGHT) -> dict[str, bytes]:
    """PNG files by name; ``confusion`` only where images have classes. Raises MissingExtra."""
    drawn = {
        "precision-recall": _precision_recall(evaluation, theme),
        "scores": _score_histogram(evaluation, theme),
    }
    if evaluation.confusions:
        drawn["confusion"] = _confusion_matrix(evaluation.confusions, theme)
    return {name: png(figure) for name, figure in drawn.items()}


def check_plot(out: Path, force: bool = False) -> None:
    """Before anything is measured: raises MissingExtra, or ImageFinderError if it cannot be saved.

    ``force`` replaces a file that is no such plot.
    """
    check_plotting()
    if out.suffix.lower() != ".png":
        raise ImageFinderError(f"{out}: the name must end in .png")
    check_output(out, _COMMAND, force)


def plot_index_benchmark(results: Sequence[IndexBenchmark], out: Path) -> None:
    """Recall@10 against queries per second of each index, drawn to a file.

    Raises MissingExtra, or OutputError if it cannot be written; see ``check_plot``.
    """
    figure = empty_figure(7, 4.5)
    axes = figure.add_subplot()
    for one in results:
        if one.failure:
            continue
        point = one.recall[10], one.queries_per_second
        axes.scatter(*point, s=40, color="#0969da")
        axes.annotate(
            one.choice.kind, point, xytext=(-8, -4), textcoords="offset points", ha="right"
        )
    axes.set(xlabel="recall@10", ylabel="queries per second, one at a time", yscale="log")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter("")
    axes.margins(x=0.15, y=0.15)
    axes.grid(alpha=0.3)
    with write_output(out) as unfinished:
        unfinished.write_bytes(png(figure, mark(_COMMAND)))


def _precision_recall(evaluation: Evaluation, theme: Theme) -> Figure:
    figure, axes = themed_axes(theme, "recall", "interpolated precision")
    curve = evaluation.curve
    axes.plot(curve.recall, curve.precision, color=theme.relevant, linewidth=2, clip_on=False)
    axes.fill_between(curve.recall, curve.precision, color=theme.relevant, alpha=0.12, linewidth=0)
    axes.axhline(curve.chance, color=theme.other, linewidth=1.5, linestyle="--")
    height = min(curve.chance + 0.02, 0.94)
    axes.text(0.99, height, "random order", color=theme.other, ha="right", va="bottom")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"Precision and recall (mAP {evaluation.metrics['mAP'].mean:.3f})")
    return figure


def _score_histogram(evaluation: Evaluation, theme: Theme) -> Figure:
    figure, axes = themed_axes(theme, "score", "share of pairs")
    scores = evaluation.scores
    for counts, color, name in (
        (scores.other, theme.other, "other pairs"),
        (scores.relevant, theme.relevant, "relevant pairs"),
    ):
        shares = counts / max(1, counts.sum())
        axes.stairs(shares, scores.edges, fill=True, color=color, alpha=0.25)
        axes.stairs(shares, scores.edges, color=color, linewidth=1.8, label=name)
    axes.legend(frameon=False, labelcolor=theme.ink)
    axes.set_ylim(bottom=0)
    axes.set_title("Scores of pairs")
    return figure


def _confusion_matrix(confusions: Sequence[Confusion], theme: Theme) -> Figure:
    rows, columns, counts = _table(confusions)
    size = 2.8 + 0.24 * len(columns), 2.4 + 0.24 * len(rows)
    figure, axes = themed_axes(theme, "class of the top hit", "class of the query", size)
    # the root makes few wrong hits visible beside many right ones
    strength = np.sqrt(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))
    _draw_cells(axes, strength, np.equal.outer(rows, columns), theme)
    # a folder's name is no formula
    plain: dict[str, Any] = {"fontsize": 9 if len(rows) <= _NUMBERED else 7, "parse_math": False}
    axes.set_xticks(range(len(columns)), map(_short, columns), rotation=90, **plain)
    axes.set_yticks(range(len(rows)), map(_short, rows), **plain)
    if len(rows) <= _NUMBERED:
        _write_counts(axes, counts, strength, theme)
    complete = {one.query for one in confusions} == set(rows)
    axes.set_title("Top hits by class" + ("" if complete else ", classes most often wrong"))
    return figure


def _draw_cells(
    axes: Axes, strength: NDArray[np.float64], right: NDArray[np.bool_], theme: Theme
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    for color, cells in ((theme.relevant, right), (theme.other, ~right)):
        shades = LinearSegmentedColormap.from_list("shades", [theme.paper, color])
        axes.imshow(np.ma.masked_array(strength, ~cells), cmap=shades, vmin=0, vmax=1)
    axes.grid(visible=False)


def _write_counts(
    axes: Axes, counts: NDArray[np.float64], strength: NDArray[np.float64], theme: Theme
) -> None:
    for row, column in np.argwhere(counts).tolist():
        ink = theme.paper if strength[row, column] > _STRONG else theme.ink
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": ink}
        axes.text(column, row, f"{counts[row, column]:.0f}", **style)


def _table(confusions: Sequence[Confusion]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """The confusion matrix: the queries' classes most often wrong, the hits' classes, counts."""
    wrong: Counter[str] = Counter()
    for one in confusions:
        wrong[one.query] += one.count * (one.hit != one.query)
    rows = sorted(name for name, _ in wrong.most_common(_CLASSES))
    shown = [one for one in confusions if one.query in rows]
    columns = [*rows, *sorted({_column(one, rows) for one in shown} - {*rows})]
    counts = np.zeros((len(rows), len(columns)))
    for one in shown:
        counts[rows.index(one.query), columns.index(_column(one, rows))] += one.count
    return rows, columns, counts


def _column(one: Confusion, rows: Sequence[str]) -> str:
    if one.hit is None:
        return "(no class)"
    return one.hit if one.hit in rows else "(another)"


def _short(name: str) -> str:
    return name if len(name) <= _CHARACTERS else f"{name[: _CHARACTERS - 1]}…"
