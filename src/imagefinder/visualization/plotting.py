"""Plotting with matplotlib (an optional dependency), in light and dark themes."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from imagefinder._utils.extras import optional_import

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150


@dataclass(frozen=True)
class Theme:
    """Colors of a plot; those of the two kinds of data are distinct to color-blind readers too."""

    paper: str
    ink: str
    faint: str
    relevant: str
    other: str


LIGHT = Theme("#ffffff", "#24292f", "#d0d7de", "#0969da", "#bc4c00")
DARK = Theme("#161b22", "#e6edf3", "#3d444d", "#58a6ff", "#f0883e")


def check_plotting() -> None:
    """Raises MissingExtra without matplotlib."""
    optional_import("matplotlib.figure", "plot", "plotting")


def empty_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, which opens no window. Raises MissingExtra."""
    module = optional_import("matplotlib.figure", "plot", "plotting")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure


def themed_axes(
    theme: Theme, x_label: str, y_label: str, size: tuple[float, float] = (6.4, 4.2)
) -> tuple[Figure, Axes]:
    """A figure with one plot in a theme's colors. Raises MissingExtra."""
    figure = empty_figure(*size)
    figure.set_facecolor(theme.paper)
    axes = figure.add_subplot(facecolor=theme.paper)
    axes.set_xlabel(x_label, color=theme.ink)
    axes.set_ylabel(y_label, color=theme.ink)
    axes.title.set_color(theme.ink)
    axes.tick_params(colors=theme.ink, length=0, pad=6)
    axes.spines[:].set_visible(False)
    axes.grid(color=theme.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def png(figure: Figure, software: str | None = None) -> bytes:
    """As a PNG file that names this software, and not matplotlib."""
    settings: dict[str, Any] = {"format": "png", "dpi": _DPI, "metadata": {"Software": software}}
    with BytesIO() as file:
        figure.savefig(file, **settings)
        return file.getvalue()
