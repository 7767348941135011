"""Text on a map image: its title and its color legend."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

from imagefinder.visualization.map.legend import Legend

_INK = "#24292f"
_SOFT = "#57606a"
_FONTS = ("DejaVuSans.ttf", "Arial.ttf")  # which have more than Latin letters


def draw_title(
    pen: ImageDraw.ImageDraw, position: tuple[int, int], text: str, size: int, width: int
) -> None:
    """One line, in a smaller font if it would be wider than ``width`` pixels."""
    length = _font(size).getlength(text)
    font = _font(size * min(1.0, width / max(1.0, length)))
    pen.text((position[0], position[1] + size), text, _INK, font, anchor="ls")


def legend_lines(legend: Legend, size: int, width: int) -> list[list[tuple[int, int]]]:
    """The groups' numbers and their offsets from the left, line by line."""
    font = _font(size)
    lines: list[list[tuple[int, int]]] = []
    end = width + 1
    for number, name in enumerate(legend.names):
        length = round(font.getlength(name)) + 3 * size
        if end + length > width:
            lines.append([])
            end = 0
        lines[-1].append((number, end))
        end += length
    return lines


def draw_legend(
    pen: ImageDraw.ImageDraw, position: tuple[int, int], legend: Legend, size: int, width: int
) -> None:
    """Squares in the groups' colors, and their names."""
    font = _font(size)
    left, top = position
    for line in legend_lines(legend, size, width):
        for number, start in line:
            square = (left + start, top, left + start + size, top + size)
            pen.rounded_rectangle(square, size // 4, legend.colors[number])
            text = left + start + size + size // 2, top + size // 2
            pen.text(text, legend.names[number], _SOFT, font, anchor="lm")
        top += 2 * size


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """One that this system has, otherwise Pillow's own."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
