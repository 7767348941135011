"""Figures as pictures (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imagefinder.auditing import Audit
from imagefinder.drawing import empty_figure
from imagefinder.errors import ImageFinderError


def plot_audits(audits: Sequence[Audit], out: Path) -> None:
    """How much each kind of index finds against how fast, drawn to a file.

    Raises MissingExtra, or ImageFinderError for an ending that is no picture's.
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
        raise ImageFinderError(f"{out}: its name must end like a picture's, .png say") from error
