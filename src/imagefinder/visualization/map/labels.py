"""Words on a drawn map: its title, and what its colours mean."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

from imagefinder.visualization.map.legend import Legend

INK = "#24292f"
SOFT = "#57606a"

_FONTS = ("DejaVuSans.ttf", "Arial.ttf")  # which know more than Latin letters


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """One that this system has, else Pillow's own."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, room: int) -> None:
    """A line, in smaller letters if there is no room for it."""
    length = font(size).getlength(text)
    letters = font(size * min(1.0, room / max(1.0, length)))
    pen.text((at[0], at[1] + size), text, INK, letters, anchor="ls")


def lines(key: Legend, size: int, room: int) -> list[list[tuple[int, int]]]:
    """The groups' numbers, and how far from the left each is, line by line."""
    letters = font(size)
    found: list[list[tuple[int, int]]] = []
    end = room + 1
    for number, name in enumerate(key.names):
        width = round(letters.getlength(name)) + 3 * size
        if end + width > room:
            found.append([])
            end = 0
        found[-1].append((number, end))
        end += width
    return found


def write_legend(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], key: Legend, size: int, room: int
) -> None:
    """Squares of the groups' colours, and their names."""
    letters = font(size)
    left, top = at
    for line in lines(key, size, room):
        for number, start in line:
            square = (left + start, top, left + start + size, top + size)
            pen.rounded_rectangle(square, size // 4, key.colours[number])
            words = left + start + size + size // 2, top + size // 2
            pen.text(words, key.names[number], SOFT, letters, anchor="lm")
        top += 2 * size
