"""Plots need matplotlib, which is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def empty_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, which opens no window. Raises MissingExtra."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("plots need: pip install 'imagefinder[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")
