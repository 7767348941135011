"""Reports as pages of HTML that need nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

_SCALE = 0.6  # of a plot
_NOTHING_ELSE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, body: str) -> str:
    """The whole page; ``title`` is text, ``body`` HTML."""
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_NOTHING_ELSE}">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def tile(name: str, figure: str, more: str) -> str:
    """A figure in large letters, and something about it in small ones."""
    return f'<div class="tile">{name}<b>{figure}</b><small>{more}</small></div>'


def table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells of HTML, the first of each row saying what the others are of."""
    body = "".join(
        f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    heads = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def plot(name: str, light: bytes, dark: bytes, wide: bool = False) -> str:
    """The same plot, as PNG, for either kind of screen; with a line of its own if it is wide."""
    return (
        f'<image class="{"whole" if wide else "half"}">'
        f'<source media="(prefers-color-scheme: dark)" srcset="{data(dark)}">'
        f'<img alt="{name}" width="{_width(light)}" src="{data(light)}"></image>'
    )


def data(png: bytes) -> str:
    """A PNG as an address."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _width(png: bytes) -> int:
    """In pixels of the page, so that all plots' letters are of one size."""
    return round(_SCALE * int.from_bytes(png[16:20], "big"))  # PNG's first chunk, IHDR
