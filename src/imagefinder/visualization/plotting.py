"""Plots need matplotlib, which is an extra."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from imagefinder.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150


@dataclass(frozen=True)
class Theme:
    """Colours to draw with; the two of the data are told apart by the colour-blind too."""

    paper: str
    ink: str
    faint: str
    relevant: str
    other: str


LIGHT = Theme("#ffffff", "#24292f", "#d0d7de", "#0969da", "#bc4c00")
DARK = Theme("#161b22", "#e6edf3", "#3d444d", "#58a6ff", "#f0883e")


def empty_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, which opens no window. Raises MissingExtra."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("plots need: pip install 'imagefinder[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def themed_axes(
    theme: Theme, across: str, up: str, size: tuple[float, float] = (6.4, 4.2)
) -> tuple[Figure, Axes]:
    """A figure with one plot in a theme's colours. Raises MissingExtra."""
    figure = empty_figure(*size)
    figure.set_facecolor(theme.paper)
    axes = figure.add_subplot(facecolor=theme.paper)
    axes.set_xlabel(across, color=theme.ink)
    axes.set_ylabel(up, color=theme.ink)
    axes.title.set_color(theme.ink)
    axes.tick_params(colors=theme.ink, length=0, pad=6)
    axes.spines[:].set_visible(False)
    axes.grid(color=theme.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """As the bytes of a file that says nothing of what wrote it."""
    settings: dict[str, Any] = {"format": "png", "dpi": _DPI, "metadata": {"Software": None}}
    with BytesIO() as file:
        figure.savefig(file, **settings)
        return file.getvalue()
