"""A canvas and its brushes, to make little drawings from nothing but numbers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from math import cos, pi, sin
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT = 480, 360
SCALE = 2
"""How much larger than handed out an image is painted, for smooth edges."""

Point: TypeAlias = Sequence[float]
Floats: TypeAlias = NDArray[np.float64]


class Canvas:
    """An image being painted. A brush that takes several colors shades from top to bottom."""

    def __init__(self, name: str) -> None:
        """Starts out black."""
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
        self.pen = ImageDraw.Draw(self.image)

    def finished(self) -> Image.Image:
        """Returns the image at its final size, with a little grain and uneven light."""
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        light = 0.92 + _floats(self.noise(3, 3, 5).resize((WIDTH, HEIGHT)))[..., None] * 0.16 / 255
        return as_image(_floats(small) * light + self.rng.normal(0, 2.5, (HEIGHT, WIDTH, 1)))

    def pick(self, colors: Sequence[str]) -> str:
        """Any one of the colors."""
        return colors[int(self.rng.integers(len(colors)))]

    def fill(self, outline: Iterable[Point], *colors: str) -> None:
        """A polygon."""
        corners = [(x * SCALE, y * SCALE) for x, y in outline]
        if len(colors) == 1:
            self.pen.polygon(corners, fill=colors[0])
            return
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        if box := mask.getbbox():
            left, top, right, bottom = box
            ramp = as_image(_gradient(colors, bottom - top)[:, None]).resize(
                (right - left, bottom - top)
            )
            self.image.paste(ramp, (left, top), mask.crop(box))

    def box(self, x: float, y: float, width: float, height: float, *colors: str) -> None:
        """An upright rectangle; `x` and `y` are its top left corner."""
        right, bottom = x + width, y + height
        self.fill([(x, y), (right, y), (right, bottom), (x, bottom)], *colors)

    def oval(self, x: float, y: float, rx: float, ry: float, *colors: str) -> None:
        """An ellipse around a center."""
        self.fill(arc(x, y, rx, ry, 0, 2 * pi), *colors)

    def line(self, points: Iterable[Point], color: str, width: float = 1.0) -> None:
        """An open line through the points."""
        path = [(x * SCALE, y * SCALE) for x, y in points]
        self.pen.line(path, fill=color, width=max(1, round(width * SCALE)), joint="curve")

    def ball(self, x: float, y: float, radius: float, color: str) -> None:
        """A sphere lit from the upper left."""
        side = max(3, round(2 * radius * SCALE))
        down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        away = np.hypot(across + 0.35, down + 0.4)[..., None]
        pixels = rgb(color) * (1.2 - 0.55 * away) + 90 * np.exp(-14 * away**2)
        mask = as_image((1 - np.hypot(across, down)) * side * 128)
        corner = round((x - radius) * SCALE), round((y - radius) * SCALE)
        self.image.paste(as_image(pixels), corner, mask)

    def glow(self, x: float, y: float, radius: float, color: str, strength: float = 1.0) -> None:
        """Light that fades out over `radius`."""
        side = round(2 * radius * SCALE)
        down, across = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        mask = as_image(np.clip(1 - np.hypot(across, down), 0, 1) ** 2 * 255 * strength)
        self.image.paste(color, (round((x - radius) * SCALE), round((y - radius) * SCALE)), mask)

    def noise(self, across: int, down: int, octaves: int = 4) -> Image.Image:
        """Returns cloudy gray noise as large as the canvas, from black to white."""
        total = np.zeros((HEIGHT, WIDTH))
        for octave in (2**o for o in range(octaves)):
            cells = self.rng.random((down * octave, across * octave), dtype=np.float32)
            layer = Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            total += _floats(layer) / octave
        return as_image((total - total.min()) / np.ptp(total) * 255).resize(self.image.size)

    def sky(self, *colors: str, bottom: float = HEIGHT) -> None:
        """A gradient over the whole width, down to `bottom`."""
        self.box(0, 0, WIDTH, bottom, *colors)

    def sun(self, x: float, y: float, radius: float, color: str) -> None:
        """A bright disc with a glow around it."""
        self.glow(x, y, radius * 6, color, 0.8)
        self.oval(x, y, radius, radius, mix(color, "white", 0.6), color)

    def clouds(self, color: str, cover: float, bottom: float = 200, streaks: int = 4) -> None:
        """Drifts over the upper part; `cover` goes from 0 (clear) to 1 (overcast)."""
        thick = _floats(self.noise(3, streaks)) / 255 - (1 - cover)
        fade = np.clip(1 - np.arange(HEIGHT * SCALE) / (bottom * SCALE), 0, 1)[:, None]
        self.image.paste(color, (0, 0), as_image(np.clip(thick * 3, 0, 1) * fade**0.5 * 235))

    def water(self, top: float, *tints: str, ripple: float = 1.0) -> None:
        """Turns all that is below `top` into water, which mirrors what is above."""
        first, rows = round(top * SCALE), round((HEIGHT - top) * SCALE)
        depth = np.arange(rows)
        mirrored = first - 1 - (depth * min(1.0, first / rows)).astype(int)
        waves = np.sin(depth * 0.35 + self.rng.normal(0, 0.6, rows)) * (3 + depth * 0.04) * ripple
        columns = np.arange(WIDTH * SCALE) + waves.astype(int)[:, None]
        columns = np.clip(columns, 0, WIDTH * SCALE - 1)
        mirrored_pixels = _floats(self.image)[mirrored[:, None], columns]
        share = np.linspace(0.35, 0.8, rows)[:, None, None]
        water = mirrored_pixels * (1 - share) + _gradient(tints, rows)[:, None] * share
        self.image.paste(as_image(water), (0, first))
        glints = np.clip(_floats(self.noise(5, 50, 2))[first:] - 150, 0, 90) * ripple
        self.image.paste(mix(tints[0], "white", 0.6), (0, first), as_image(glints))

    def ridge(self, base: float, height: float, bumps: int, rough: float) -> list[Point]:
        """Returns a rolling line from left to right that rises to about `height` above `base`."""
        xs, ys = np.linspace(0, WIDTH, 161), np.zeros(161)
        for octave in range(5):
            count = bumps * 2**octave
            knots = self.rng.random(count + 2)
            cell, share = np.divmod(xs / WIDTH * count, 1)
            index, share = cell.astype(int), share**2 * (3 - 2 * share)
            ys += (knots[index] * (1 - share) + knots[index + 1] * share) * rough**octave
        return list(zip(xs.tolist(), (base - ys * height * (1 - rough)).tolist(), strict=True))

    def hills(self, base: float, height: float, *colors: str, bumps: int = 4) -> None:
        """Ground under a rolling line, down to the lower edge."""
        self.fill([*self.ridge(base, height, bumps, 0.3), (WIDTH, HEIGHT), (0, HEIGHT)], *colors)

    def peak(self, x: float, y: float, base: float, width: float, rock: str, snow: str) -> None:
        """A mountain with a snow cap; its right side lies in the shade."""
        teeth = rows("0,0 .36,.36 .22,.30 .16,.46 .08,.33 0,.50")
        for side, shade in ((1, 0.45), (-1, 0)):
            face = [(x, y), (x + side * width, base), (x - width * 0.1, base), (x + 6, y + 30)]
            self.fill(face, mix(rock, "#101830", shade))
            cap = [(x + side * width * a, y + (base - y) * b) for a, b in teeth]
            self.fill(cap, mix(snow, "#506890", shade))

    def scatter(self, count: int, top: float, bottom: float, size: float, *colors: str) -> None:
        """Flecks over a band of ground, each of any one color, larger the nearer they are."""
        for near in np.sort(self.rng.random(count)).tolist():
            x, r = self.rng.uniform(0, WIDTH), size * (0.25 + 0.75 * near)
            self.oval(x, top + (bottom - top) * near, r, r * 0.7, self.pick(colors))

    def pine(self, x: float, y: float, height: float, color: str) -> None:
        """A fir tree standing on `y`."""
        trunk = height * 0.15
        self.box(x - trunk * 0.2, y - trunk, trunk * 0.4, trunk, mix(color, "#6a4020", 0.5))
        for tier in range(5):
            low, half = y - height * (0.1 + 0.16 * tier), height * (0.24 - 0.04 * tier)
            for side, shade in ((-1, 0), (1, 0.35)):
                bough = [(x, low - height * 0.3), (x + side * half, low), (x, low - half * 0.2)]
                self.fill(bough, mix(color, "#081018", shade))

    def tree(self, x: float, y: float, height: float, *leaves: str) -> None:
        """A leafy tree standing on `y`; its leaves go from dark to light."""
        trunk, top = height * 0.05, y - height * 0.65
        self.fill([(x - trunk, y), (x + trunk, y), (x, top)], "#5d4330", "#3a2a20")
        for step in range(240):
            turn, out = self.rng.random() * 2 * pi, self.rng.random() ** 0.5
            across, up = cos(turn) * out, sin(turn) * out
            light = step / 400 + 0.2 - 0.2 * across + 0.25 * up + self.rng.uniform(-0.15, 0.15)
            leaf = leaves[min(len(leaves) - 1, max(0, int(light * len(leaves))))]
            r = height * (0.075 - 0.045 * step / 240)
            self.oval(x + across * height * 0.3, top - up * height * 0.3, r, r * 0.8, leaf)

    def house(self, x: float, y: float, width: float, height: float, *colors: str) -> None:
        """A gabled front standing on `y`; the colors are those of wall, roof and panes."""
        eaves, (wall, roof, *panes) = y - height, colors
        self.box(x, eaves, width, height, wall, mix(wall, "black", 0.2))
        gable = [(x - 3, eaves), (x + width / 2, eaves - width * 0.45), (x + width + 3, eaves)]
        self.fill(gable, roof, mix(roof, "black", 0.25))
        for across, down in rows(".16,.14 .64,.14 .16,.5 .64,.5"):
            left, top = x + width * across, eaves + height * down
            self.box(left - 1, top - 1, width * 0.2 + 2, height * 0.22 + 2, "white")
            self.box(left, top, width * 0.2, height * 0.22, *panes)
        self.box(x + width * 0.42, y - height * 0.3, width * 0.17, height * 0.3, "#5b3a29")

    def boat(self, x: float, y: float, size: float, hull: str, sail: str) -> None:
        """A sailing boat, `size` tall, that floats at `y`."""

        def at(text: str) -> list[Point]:
            return [(x + size * across, y + size * down) for across, down in rows(text)]

        self.oval(x, y + size * 0.07, size * 0.42, size * 0.05, mix(hull, "#102438", 0.8))
        self.line(at("0,0 0,-1"), "#4a3a2c", size * 0.02)
        self.fill(at(".02,-.96 .4,-.2 .02,-.16"), sail, mix(sail, "#405070", 0.25))
        self.fill(at("-.02,-.9 -.32,-.15 -.02,-.2"), mix(sail, "white", 0.4), sail)
        self.fill(at("-.4,-.12 .44,-.12 .3,.03 -.28,.03"), hull, mix(hull, "black", 0.4))

    def towers(
        self, base: float, tallest: float, walls: Sequence[str], panes: Sequence[str]
    ) -> None:
        """A row of tall buildings standing on `base`, each pane of any one color."""
        x = -5.0
        while x < WIDTH:
            width, top = self.rng.uniform(24, 48), base - tallest * self.rng.uniform(0.4, 1)
            wall = self.pick(walls)
            self.box(x, top, width, base - top, wall, mix(wall, "black", 0.25))
            self.box(x + width * 0.8, top, width * 0.2, base - top, mix(wall, "black", 0.35))
            if self.rng.random() < 0.35:
                self.line([(x + width / 2, top), (x + width / 2, top - 18)], wall, 2)
            for y in np.arange(top + 6, base - 8, 9).tolist():
                for left in np.arange(x + 4, x + width * 0.8 - 5, 7).tolist():
                    self.box(left, y, 4, 5, self.pick(panes))
            x += width * self.rng.uniform(0.85, 1.1)

    def table(self, wall: str, wood: str) -> None:
        """An empty room with a wooden table that fills the lower third."""
        self.sky(wall, mix(wall, "black", 0.25), bottom=250)
        self.glow(110, 40, 260, mix(wall, "white", 0.6), 0.8)
        self.box(0, 235, WIDTH, 125, wood, mix(wood, "black", 0.4))
        for _ in range(70):
            x, y, long = self.rng.uniform((-80, 238, 40), (WIDTH, 360, 140)).tolist()
            self.line([(x, y), (x + long, y)], mix(wood, "black", self.rng.uniform(0.1, 0.4)), 0.8)


def rows(text: str) -> list[Point]:
    """Reads "1,2 3,4" as [(1, 2), (3, 4)]."""
    return [tuple(float(number) for number in row.split(",")) for row in text.split()]


def palette(text: str) -> list[str]:
    """Reads "red blue" as ["red", "blue"]."""
    return text.split()


def rgb(color: str) -> Floats:
    """Returns red, green and blue, each 0 to 255."""
    return np.array(ImageColor.getrgb(color)[:3], dtype=np.float64)


def mix(first: str, second: str, share: float) -> str:
    """Returns the first color with a share (0 to 1) of the second in it."""
    red, green, blue = (rgb(first) * (1 - share) + rgb(second) * share).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _gradient(colors: Sequence[str], rows: int) -> Floats:
    stops = np.array([rgb(color) for color in colors])
    at = np.linspace(0, len(stops) - 1, rows)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)], axis=1)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Returns points along an ellipse, the angles in radians."""
    return [(x + rx * cos(a), y + ry * sin(a)) for a in np.linspace(start, end, 25).tolist()]


def as_image(pixels: Floats) -> Image.Image:
    """Makes an image of pixels of any range, clipped to 0 to 255."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _floats(image: Image.Image) -> Floats:
    return np.asarray(image, dtype=np.float64)
