"""Little drawings made from nothing but numbers: a canvas with its brushes, then the scenes.

Scenes are painted in units of WIDTH x HEIGHT from the top left corner, at twice the size that is
handed out. All chance in a scene comes from one generator, seeded from the scene's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from math import cos, pi, sin
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT = 480, 360
SCALE = 2

Point: TypeAlias = Sequence[float]
Floats: TypeAlias = NDArray[np.float64]


class Canvas:
    """A picture being painted. A brush that takes several colours shades from top to bottom."""

    def __init__(self, name: str) -> None:
        """Starts out black."""
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.picture = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
        self.pen = ImageDraw.Draw(self.picture)

    def finished(self) -> Image.Image:
        """Returns the picture at its final size, with a little grain and uneven light."""
        small = self.picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        light = 0.92 + _floats(self.noise(3, 3, 5).resize((WIDTH, HEIGHT)))[..., None] * 0.16 / 255
        return _image(_floats(small) * light + self.rng.normal(0, 2.5, (HEIGHT, WIDTH, 1)))

    def pick(self, colours: Sequence[str]) -> str:
        """Any one of the colours."""
        return colours[int(self.rng.integers(len(colours)))]

    def fill(self, outline: Iterable[Point], *colours: str) -> None:
        """A polygon."""
        corners = [(x * SCALE, y * SCALE) for x, y in outline]
        if len(colours) == 1:
            self.pen.polygon(corners, fill=colours[0])
            return
        mask = Image.new("L", self.picture.size)
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        if box := mask.getbbox():
            left, top, right, bottom = box
            ramp = _image(_gradient(colours, bottom - top)[:, None]).resize(
                (right - left, bottom - top)
            )
            self.picture.paste(ramp, (left, top), mask.crop(box))

    def box(self, x: float, y: float, width: float, height: float, *colours: str) -> None:
        """An upright rectangle; `x` and `y` are its top left corner."""
        right, bottom = x + width, y + height
        self.fill([(x, y), (right, y), (right, bottom), (x, bottom)], *colours)

    def oval(self, x: float, y: float, rx: float, ry: float, *colours: str) -> None:
        """An ellipse around a centre."""
        self.fill(_arc(x, y, rx, ry, 0, 2 * pi), *colours)

    def line(self, points: Iterable[Point], colour: str, width: float = 1.0) -> None:
        """An open line through the points."""
        path = [(x * SCALE, y * SCALE) for x, y in points]
        self.pen.line(path, fill=colour, width=max(1, round(width * SCALE)), joint="curve")

    def ball(self, x: float, y: float, radius: float, colour: str) -> None:
        """A sphere lit from the upper left."""
        side = max(3, round(2 * radius * SCALE))
        down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        away = np.hypot(across + 0.35, down + 0.4)[..., None]
        pixels = _rgb(colour) * (1.2 - 0.55 * away) + 90 * np.exp(-14 * away**2)
        mask = _image((1 - np.hypot(across, down)) * side * 128)
        corner = round((x - radius) * SCALE), round((y - radius) * SCALE)
        self.picture.paste(_image(pixels), corner, mask)

    def glow(self, x: float, y: float, radius: float, colour: str, strength: float = 1.0) -> None:
        """Light that fades out over `radius`."""
        side = round(2 * radius * SCALE)
        down, across = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        mask = _image(np.clip(1 - np.hypot(across, down), 0, 1) ** 2 * 255 * strength)
        self.picture.paste(colour, (round((x - radius) * SCALE), round((y - radius) * SCALE)), mask)

    def noise(self, across: int, down: int, octaves: int = 4) -> Image.Image:
        """Returns cloudy grey noise as large as the canvas, from black to white."""
        total = np.zeros((HEIGHT, WIDTH))
        for octave in (2**o for o in range(octaves)):
            cells = self.rng.random((down * octave, across * octave), dtype=np.float32)
            layer = Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            total += _floats(layer) / octave
        return _image((total - total.min()) / np.ptp(total) * 255).resize(self.picture.size)

    def sky(self, *colours: str, bottom: float = HEIGHT) -> None:
        """A gradient over the whole width, down to `bottom`."""
        self.box(0, 0, WIDTH, bottom, *colours)

    def sun(self, x: float, y: float, radius: float, colour: str) -> None:
        """A bright disc with a glow around it."""
        self.glow(x, y, radius * 6, colour, 0.8)
        self.oval(x, y, radius, radius, _mix(colour, "white", 0.6), colour)

    def clouds(self, colour: str, cover: float, bottom: float = 200, streaks: int = 4) -> None:
        """Drifts over the upper part; `cover` goes from 0 (clear) to 1 (overcast)."""
        thick = _floats(self.noise(3, streaks)) / 255 - (1 - cover)
        fade = np.clip(1 - np.arange(HEIGHT * SCALE) / (bottom * SCALE), 0, 1)[:, None]
        self.picture.paste(colour, (0, 0), _image(np.clip(thick * 3, 0, 1) * fade**0.5 * 235))

    def water(self, top: float, *tints: str, ripple: float = 1.0) -> None:
        """Turns all that is below `top` into water, which mirrors what is above."""
        first, rows = round(top * SCALE), round((HEIGHT - top) * SCALE)
        depth = np.arange(rows)
        mirrored = first - 1 - (depth * min(1.0, first / rows)).astype(int)
        waves = np.sin(depth * 0.35 + self.rng.normal(0, 0.6, rows)) * (3 + depth * 0.04) * ripple
        columns = np.arange(WIDTH * SCALE) + waves.astype(int)[:, None]
        columns = np.clip(columns, 0, WIDTH * SCALE - 1)
        seen = _floats(self.picture)[mirrored[:, None], columns]
        share = np.linspace(0.35, 0.8, rows)[:, None, None]
        water = seen * (1 - share) + _gradient(tints, rows)[:, None] * share
        self.picture.paste(_image(water), (0, first))
        glints = np.clip(_floats(self.noise(5, 50, 2))[first:] - 150, 0, 90) * ripple
        self.picture.paste(_mix(tints[0], "white", 0.6), (0, first), _image(glints))

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

    def hills(self, base: float, height: float, *colours: str, bumps: int = 4) -> None:
        """Ground under a rolling line, down to the lower edge."""
        self.fill([*self.ridge(base, height, bumps, 0.3), (WIDTH, HEIGHT), (0, HEIGHT)], *colours)

    def peak(self, x: float, y: float, base: float, width: float, rock: str, snow: str) -> None:
        """A mountain with a snow cap; its right side lies in the shade."""
        teeth = _rows("0,0 .36,.36 .22,.30 .16,.46 .08,.33 0,.50")
        for side, shade in ((1, 0.45), (-1, 0)):
            face = [(x, y), (x + side * width, base), (x - width * 0.1, base), (x + 6, y + 30)]
            self.fill(face, _mix(rock, "#101830", shade))
            cap = [(x + side * width * a, y + (base - y) * b) for a, b in teeth]
            self.fill(cap, _mix(snow, "#506890", shade))

    def scatter(self, count: int, top: float, bottom: float, size: float, *colours: str) -> None:
        """Flecks over a band of ground, each of any one colour, larger the nearer they are."""
        for near in np.sort(self.rng.random(count)).tolist():
            x, r = self.rng.uniform(0, WIDTH), size * (0.25 + 0.75 * near)
            self.oval(x, top + (bottom - top) * near, r, r * 0.7, self.pick(colours))

    def pine(self, x: float, y: float, height: float, colour: str) -> None:
        """A fir tree standing on `y`."""
        trunk = height * 0.15
        self.box(x - trunk * 0.2, y - trunk, trunk * 0.4, trunk, _mix(colour, "#6a4020", 0.5))
        for tier in range(5):
            low, half = y - height * (0.1 + 0.16 * tier), height * (0.24 - 0.04 * tier)
            for side, shade in ((-1, 0), (1, 0.35)):
                bough = [(x, low - height * 0.3), (x + side * half, low), (x, low - half * 0.2)]
                self.fill(bough, _mix(colour, "#081018", shade))

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

    def house(self, x: float, y: float, width: float, height: float, *colours: str) -> None:
        """A gabled front standing on `y`; the colours are those of wall, roof and panes."""
        eaves, (wall, roof, *panes) = y - height, colours
        self.box(x, eaves, width, height, wall, _mix(wall, "black", 0.2))
        gable = [(x - 3, eaves), (x + width / 2, eaves - width * 0.45), (x + width + 3, eaves)]
        self.fill(gable, roof, _mix(roof, "black", 0.25))
        for across, down in _rows(".16,.14 .64,.14 .16,.5 .64,.5"):
            left, top = x + width * across, eaves + height * down
            self.box(left - 1, top - 1, width * 0.2 + 2, height * 0.22 + 2, "white")
            self.box(left, top, width * 0.2, height * 0.22, *panes)
        self.box(x + width * 0.42, y - height * 0.3, width * 0.17, height * 0.3, "#5b3a29")

    def boat(self, x: float, y: float, size: float, hull: str, sail: str) -> None:
        """A sailing boat, `size` tall, that floats at `y`."""

        def at(text: str) -> list[Point]:
            return [(x + size * across, y + size * down) for across, down in _rows(text)]

        self.oval(x, y + size * 0.07, size * 0.42, size * 0.05, _mix(hull, "#102438", 0.8))
        self.line(at("0,0 0,-1"), "#4a3a2c", size * 0.02)
        self.fill(at(".02,-.96 .4,-.2 .02,-.16"), sail, _mix(sail, "#405070", 0.25))
        self.fill(at("-.02,-.9 -.32,-.15 -.02,-.2"), _mix(sail, "white", 0.4), sail)
        self.fill(at("-.4,-.12 .44,-.12 .3,.03 -.28,.03"), hull, _mix(hull, "black", 0.4))

    def towers(
        self, base: float, tallest: float, walls: Sequence[str], panes: Sequence[str]
    ) -> None:
        """A row of tall buildings standing on `base`, each pane of any one colour."""
        x = -5.0
        while x < WIDTH:
            width, top = self.rng.uniform(24, 48), base - tallest * self.rng.uniform(0.4, 1)
            wall = self.pick(walls)
            self.box(x, top, width, base - top, wall, _mix(wall, "black", 0.25))
            self.box(x + width * 0.8, top, width * 0.2, base - top, _mix(wall, "black", 0.35))
            if self.rng.random() < 0.35:
                self.line([(x + width / 2, top), (x + width / 2, top - 18)], wall, 2)
            for y in np.arange(top + 6, base - 8, 9).tolist():
                for left in np.arange(x + 4, x + width * 0.8 - 5, 7).tolist():
                    self.box(left, y, 4, 5, self.pick(panes))
            x += width * self.rng.uniform(0.85, 1.1)

    def table(self, wall: str, wood: str) -> None:
        """An empty room with a wooden table that fills the lower third."""
        self.sky(wall, _mix(wall, "black", 0.25), bottom=250)
        self.glow(110, 40, 260, _mix(wall, "white", 0.6), 0.8)
        self.box(0, 235, WIDTH, 125, wood, _mix(wood, "black", 0.4))
        for _ in range(70):
            x, y, long = self.rng.uniform((-80, 238, 40), (WIDTH, 360, 140)).tolist()
            self.line([(x, y), (x + long, y)], _mix(wood, "black", self.rng.uniform(0.1, 0.4)), 0.8)


def _rows(text: str) -> list[Point]:
    """Reads "1,2 3,4" as [(1, 2), (3, 4)]."""
    return [tuple(float(number) for number in row.split(",")) for row in text.split()]


def _colours(text: str) -> list[str]:
    return text.split()


def _rgb(colour: str) -> Floats:
    return np.array(ImageColor.getrgb(colour)[:3], dtype=np.float64)


def _mix(first: str, second: str, share: float) -> str:
    red, green, blue = (_rgb(first) * (1 - share) + _rgb(second) * share).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _gradient(colours: Sequence[str], rows: int) -> Floats:
    stops = np.array([_rgb(colour) for colour in colours])
    at = np.linspace(0, len(stops) - 1, rows)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)], axis=1)


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    return [(x + rx * cos(a), y + ry * sin(a)) for a in np.linspace(start, end, 25).tolist()]


def _image(pixels: Floats) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _floats(picture: Image.Image) -> Floats:
    return np.asarray(picture, dtype=np.float64)


# ---------------------------------------------------------------------- by the sea


def _harbour(c: Canvas) -> None:
    c.sky("#6fa8dc", "#dcecf5", bottom=220)
    c.clouds("white", 0.5)
    c.hills(190, 60, "#7c9c86", "#5b7f63", bumps=3)
    walls = _colours("#e8b04a #d9694f #f3ead8 #7fb0c4 #e7a0a0 #c9d38a #d9694f #f3ead8")
    for i, wall in enumerate(walls):
        roof, tall = ("#8c3f2e", "#6b4a3f")[i % 2], 58 + 14 * (i * 5 % 3)
        c.house(8 + i * 59, 208, 52, tall, wall, roof, "#38506a", "#7a96ad")
    c.box(0, 206, WIDTH, 12, "#b9ab94", "#7d725f")
    c.water(218, "#7fb0c8", "#1f5a78")
    c.boat(90, 262, 80, "#b5382c", "#f5efe0")
    c.boat(400, 275, 90, "#22577a", "#f5efe0")
    c.boat(230, 300, 110, "#f2f2f2", "#f5efe0")


def _sunset_sea(c: Canvas) -> None:
    c.sky("#3b2a5c", "#b4456a", "#f58b4c", "#fed37a", bottom=205)
    c.clouds("#7a3560", 0.45, streaks=9)
    c.sun(310, 178, 24, "#ffd25e")
    c.hills(207, 30, "#4a2a48", bumps=5)
    c.water(205, "#f0a060", "#3a2450", ripple=1.3)
    c.boat(130, 265, 110, "#2a1a2c", "#5a2c4a")
    for x, y in _rows("200,80 228,66 250,92 176,60"):
        wings = _rows("-9,-4 -4,-6 0,0 4,-6 9,-4")
        c.line([(x + across, y + down) for across, down in wings], "#2a1a3c", 1.5)


def _moonlit_sea(c: Canvas) -> None:
    c.sky("#060b22", "#16305e", "#3f6a9c", bottom=205)
    c.scatter(120, 0, 150, 0.9, "white", "#b8c8ff")
    c.clouds("#26406e", 0.5, streaks=8)
    c.sun(160, 90, 22, "#e8eccc")
    c.hills(207, 40, "#0b1630", bumps=4)
    c.water(205, "#5f86b0", "#050a1e", ripple=1.3)
    c.glow(160, 260, 90, "#dfe8d8", 0.4)
    c.boat(340, 270, 110, "#080c18", "#22345c")


def _regatta(c: Canvas) -> None:
    c.sky("#2f7fd0", "#bfe0f5", bottom=165)
    c.clouds("white", 0.55, bottom=170)
    c.hills(168, 34, "#5f8f86", "#47756c", bumps=6)
    c.water(165, "#4fa3d1", "#0d4a86")
    sails = _colours("#f4f4f0 #e23d3d #f7c531 #f4f4f0 #2d9c6a #ef7d2d #3b4fa8")
    for i, sail in enumerate(sails):
        c.boat(45 + (i * 167) % 400, 185 + 24 * i, 45 + 17 * i, "#f8f8f8", sail)


def _lighthouse(c: Canvas) -> None:
    c.sky("#4f8fca", "#f6e3c0", bottom=240)
    c.clouds("white", 0.5)
    c.water(235, "#6fa6b8", "#17506a", ripple=1.2)
    c.scatter(160, 235, 360, 3, "#e8f2f2", "#9cc4cc", "#2a6078")
    grass, rock = _rows("268,215 330,203 420,200 480,208"), _rows("480,360 215,360 262,290 252,250")
    c.fill([*grass, *rock], "#a08c74", "#6b5a4a", "#3f362f")
    for _ in range(150):
        x, y, long, fall = c.rng.uniform((262, 238, 8, -4), (480, 355, 30, 4)).tolist()
        c.line([(x, y), (x + long, y + fall)], c.pick(("#54473c", "#b8a48a", "#7c6a58")), 1.5)
    c.fill([*grass, *_rows("480,236 400,246 330,232 254,246")], "#9cb860", "#5f7a3c")
    for i in range(6):
        y, low, high = 210 - 25 * i, 24 - i * 1.8, 22.2 - i * 1.8
        band = [(360 - low, y), (360 + low, y), (360 + high, y - 25), (360 - high, y - 25)]
        c.fill(band, ("#c8332b", "#f7f4ec")[i % 2])
        c.fill([*band[1:3], (368, y - 25), (370, y)], ("#97241f", "#cfcabd")[i % 2])
    c.box(349, 34, 22, 20, "#ffe9a0", "#f5c542")
    c.box(340, 54, 40, 6, "#2c2c30")
    c.fill(_rows("344,36 360,18 376,36"), "#8c231d")
    c.house(415, 206, 46, 30, "#f3eee2", "#9c4a38", "#38506a")


def _coral_reef(c: Canvas) -> None:
    c.sky("#8fe0e8", "#1f8fc0", "#0b3f78")
    for x in range(0, 480, 90):
        c.glow(x, 0, 110, "#d8ffff", 0.5)
    c.hills(345, 60, "#3a6f7c", "#20404f", bumps=5)
    for i, colour in enumerate(_colours("#e8587a #f29a3c #b45fc4 #e8587a #f4c84a")):
        for turn in np.linspace(-1, 1, 9).tolist():
            x, reach = 40 + 98 * i, c.rng.uniform(50, 95)
            across, tip = sin(turn) * reach, (x + sin(turn) * reach, 352 - cos(turn) * reach)
            c.line([(x, 360), (x + across * 0.4, 340 - reach * 0.3), tip], colour, 6)
            c.ball(*tip, 6, colour)
    for i, colour in enumerate(_colours("#ffb52e #f4f06a #ff6a3c #ffb52e #7fe0a0 #ff6a3c #f4f06a")):
        x, y, size = 60 + (i * 137) % 380, 60 + (i * 71) % 170, 14 + 5 * (i % 4)
        c.fill(
            [(x - size, y), (x - size * 2, y - size * 0.7), (x - size * 2, y + size * 0.7)], colour
        )
        c.oval(x, y, size * 1.4, size * 0.75, _mix(colour, "white", 0.4), colour, "#803010")
        c.box(x - 2, y - size * 0.7, size * 0.25, size * 1.4, "#fdfdf5")
        c.ball(x + size * 0.8, y - size * 0.15, size * 0.16 + 1, "#101820")
    for x, y, r in c.rng.uniform((0, 0, 1), (WIDTH, 250, 5), (30, 3)).tolist():
        c.ball(x, y, r, "#bff0f8")


def _beach_umbrellas(c: Canvas) -> None:
    c.sky("#f0dcae", "#e4c88c")
    c.scatter(900, 0, 360, 1.3, "#d8b878", "#fbeccc", "#c8a468")
    shore = c.ridge(110, 30, 3, 0.3)
    for lift, colours in ((0, "#fdfdf8"), (10, "#9ce0dc"), (26, "#0f6f9c #3fb8c4")):
        c.fill([*((x, y - lift) for x, y in shore), (WIDTH, 0), (0, 0)], *_colours(colours))
    cloths = _colours("#e23d3d #fdf8f0 #2f6fc0 #fdf8f0 #f4b82c #e8642c #2f9c84 #f4e8b0")
    spots = "60,160,34 170,190,40 290,155,34 410,180,40 90,275,46 230,290,44 370,285,50"
    for i, (x, y, r) in enumerate(_rows(spots)):
        c.box(x + r * 0.6, y + r * 0.1, 18, 44, ("#f4f4ec", "#5aa0c8", "#e87a6a")[i % 3])
        c.oval(x + 9, y + 10, r, r, "#b8945c")
        for wedge in range(10):
            rim = _arc(x, y, r, r, i + wedge * pi / 5, i + (wedge + 1) * pi / 5)
            c.fill([(x, y), *rim], cloths[i * 2 % 8 + wedge % 2])
        c.glow(x - r * 0.3, y - r * 0.3, r * 0.9, "white", 0.35)


# ---------------------------------------------------------------------- woods, fields, mountains


def _pine_forest(c: Canvas) -> None:
    c.sky("#cfdcd2", "#f0efdc")
    c.glow(120, 60, 220, "#fff8d8", 0.9)
    for row, colour in enumerate(_colours("#aec2b4 #84a391 #54806a #2f5f48 #173d2d")):
        ground = 190 + row * 42
        c.hills(ground, 20, colour)
        for x in range(-10, 500, 26 + row * 12):
            c.pine(x + c.rng.uniform(-12, 12), ground + 6, c.rng.uniform(60, 85) + row * 22, colour)


def _autumn_wood(c: Canvas) -> None:
    c.sky("#f4dfae", "#f9efd2", bottom=230)
    c.hills(215, 40, "#d9a45c", "#a8702f")
    c.fill(_rows("225,215 250,215 350,360 110,360"), "#d8b98a", "#8f6a48")
    red, gold = ("#8c2f1a", "#c24a1e", "#ee8a2c"), ("#96601a", "#d9992a", "#f7cf52")
    for i in range(14):
        near = i / 13
        away = c.rng.uniform(120, 180) * (0.4 + near) * (-1, 1)[i % 2]
        c.tree(238 + away, 222 + 110 * near, 95 + 150 * near, *(gold if i % 3 == 1 else red))
    c.scatter(500, 235, 360, 4, "#c24a1e", "#e8a23a", "#8c3a1e", "#f2c95a")


def _birch_wood(c: Canvas) -> None:
    c.sky("#dbe8b4", "#a9c878", "#6d9a4a")
    for x, y, r in c.rng.uniform((0, 0, 15), (WIDTH, 230, 45), (60, 3)).tolist():
        c.glow(x, y, r, c.pick(("#f4f8c8", "#7fae52", "#c8dc7c")), 0.7)
    c.hills(290, 25, "#7fa04c", "#3f5f2a")
    for x, wide in c.rng.uniform((0, 7), (WIDTH, 17), (13, 2)).tolist():
        c.box(x, 0, wide, 270 + wide * 4, "#e9e6dc", "#f7f5ef", "#cfcabc")
        c.box(x + wide * 0.7, 0, wide * 0.3, 270 + wide * 4, "#b5b0a4")
        for across, y in c.rng.uniform((0.1, 0), (0.9, 300), (16, 2)).tolist():
            c.oval(x + wide * across, y, wide * 0.3, 1.5, "#2f2c2a")
    c.scatter(700, 290, 365, 4, "#4f7a30", "#86a848", "#c8d468", "#335424")


def _tulip_field(c: Canvas) -> None:
    c.sky("#8cc6ee", "#eef6f6", bottom=165)
    c.clouds("white", 0.55, bottom=170)
    c.box(0, 158, WIDTH, 202, "#6f9c4c", "#3f7034")
    colours = _colours("#e23b4a #f6c62f #f08ab4 #f4f0e8 #7a3f9c #f07a2c")
    for i in range(-12, 12):
        far, near, colour = 240 + i * 22, 240 + i * 121, colours[i % 6]
        bed = [(far, 165), (far + 15, 165), (near + 82, 360), (near, 360)]
        c.fill(bed, _mix(colour, "#90b070", 0.3), colour)
    c.scatter(900, 168, 362, 3, "#5f9440", "#ffffff", "#3f7a30", "#fbe08a", "#d83a4a")
    c.fill(_rows("338,172 382,172 373,92 347,92"), "#8a5f44", "#5f3f2e")
    c.fill(_rows("343,94 360,72 377,94"), "#3f342e")
    for turn in np.arange(0.5, 6, pi / 2).tolist():
        x, y = 360 + cos(turn) * 66, 90 + sin(turn) * 66
        c.fill([(360, 90), (x, y), (x - sin(turn) * 14, y + cos(turn) * 14)], "#f2ece0")
        c.line([(360, 90), (x, y)], "#3f342e", 2.5)


def _desert_dunes(c: Canvas) -> None:
    c.sky("#4f94cf", "#f3dcb0", bottom=220)
    c.sun(370, 80, 20, "#fff0b8")
    c.clouds("white", 0.3, bottom=110, streaks=8)
    for i, light in enumerate(_colours("#e8b878 #dfa05c #d08a48 #b8703a")):
        line = c.ridge(210 + i * 52, 50 + 12 * i, 2, 0.12)
        dark, top = _mix(light, "#5f2f1c", 0.45), min(line, key=lambda point: point[1])
        c.fill([*line, (WIDTH, HEIGHT), (0, HEIGHT)], light, _mix(light, "#7a3f20", 0.5))
        crest = [(top[0] - 60 * sin(a), top[1] + 40 * a) for a in np.linspace(4, 0.3, 12)]
        lee = [point for point in line if point[0] >= top[0]]
        c.fill([*lee, (WIDTH, HEIGHT), *crest], dark, _mix(light, dark, 0.4))


def _mountain_lake(c: Canvas) -> None:
    c.sky("#4f8fd0", "#dceaf4", bottom=215)
    c.clouds("white", 0.45)
    for x, y, width in _rows("60,95,130 420,80,140 150,60,120 330,105,110 245,35,150"):
        c.peak(x, y, 215, width, "#7d8694", "#f6f9fc")
    c.hills(222, 30, "#3f6450", "#2c4a3a", bumps=6)
    for x in range(0, 490, 14):
        c.pine(x + c.rng.uniform(-5, 5), 218, c.rng.uniform(22, 44), "#2f5a44")
    c.water(217, "#7fb0c0", "#1f5468", ripple=0.6)
    for x, height in ((18, 170), (58, 120), (440, 150), (474, 200)):
        c.pine(x, 358, height, "#1f4432")


def _balloons(c: Canvas) -> None:
    c.sky("#6ab4ea", "#cfe8f4", "#fbeed0", bottom=320)
    c.clouds("white", 0.45, bottom=260)
    c.hills(300, 50, "#9cb88c", "#7ca070", bumps=3)
    c.hills(335, 40, "#7fa85a", "#4f7c3c", bumps=4)
    silks = _colours("#e23d3d #f8e08a #3a6fc4 #f4f4f0 #f0902c #7a3f8c #2f9c74 #f6d048")
    spots = "140,120,68 345,95,50 255,215,32 425,220,26 50,245,18"
    for i, (x, y, r) in enumerate(_rows(spots)):
        for side in (-1, 1):
            c.line(
                [(x + side * r * 0.6, y + r * 0.7), (x + side * r * 0.14, y + r * 1.6)], "#5a4632"
            )
        for stripe, share in enumerate((1, 0.78, 0.5, 0.2)):
            crown = _arc(x, y, r * share, r, pi, 2 * pi)
            skirt = _arc(x, y, r * share, r * 1.35, 0.2, pi - 0.2)
            silk = silks[i * 2 % 8 + stripe % 2]
            c.fill([*crown, *skirt], _mix(silk, "white", 0.15), silk, _mix(silk, "black", 0.45))
        c.glow(x - r * 0.35, y - r * 0.4, r * 0.6, "white", 0.5)
        c.box(x - r * 0.16, y + r * 1.6, r * 0.32, r * 0.24, "#9c6f42", "#6b4628")


def _night_camp(c: Canvas) -> None:
    c.sky("#040716", "#0f1f48", "#3a4a7c")
    c.clouds("#6a5a9c", 0.55, bottom=330, streaks=2)
    c.scatter(650, 0, 290, 1.1, "white", "#ffe8c0", "#b8ccff")
    c.hills(290, 70, "#101a34", "#0a1022", bumps=3)
    for x in (*range(0, 170, 24), *range(350, 490, 24)):
        c.pine(x + c.rng.uniform(-8, 8), 315, c.rng.uniform(70, 150), "#0c1a22")
    c.hills(335, 20, "#141c22", "#080c10")
    c.glow(250, 300, 130, "#ffb050", 0.6)
    c.fill(_rows("180,328 245,250 320,328"), "#ffc45a", "#e8782c")
    c.fill(_rows("245,250 320,328 350,312"), "#a8481f", "#7a3418")
    c.fill(_rows("230,328 246,268 264,328"), "#7c3a1a", "#3a1c10")


# ---------------------------------------------------------------------- towns


def _city_day(c: Canvas) -> None:
    c.sky("#5f9fd8", "#d8e8f0", bottom=270)
    c.clouds("white", 0.45)
    c.towers(262, 190, ("#a8bccb", "#b8c6d0"), ("#c0d0da", "#b0c2ce"))
    walls = ("#8a97a4", "#c2a88c", "#b5715a", "#d8d2c4", "#5f7f98")
    c.towers(270, 130, walls, ("#3a5068", "#9fc4dc", "#dcecf2"))
    c.water(270, "#8fb4c8", "#2f5f78")


def _city_night(c: Canvas) -> None:
    c.sky("#0a0f2a", "#2a2456", "#7a3f6c", bottom=270)
    c.scatter(70, 0, 110, 0.8, "white")
    c.towers(262, 190, ("#1f2448", "#272a54"), ("#1f2448", "#4a4668", "#1a1e40"))
    panes = ("#ffd875", "#10132a", "#f7b24a", "#10132a", "#a8d8f0")
    c.towers(270, 130, ("#12152e", "#1a1c3a", "#0e1024"), panes)
    c.water(270, "#4a3a68", "#0a0c20", ripple=1.3)


def _canal_houses(c: Canvas) -> None:
    c.sky("#a9bfcc", "#e6e4d8", bottom=240)
    c.clouds("#f4f2ee", 0.6)
    walls = _colours("#7c3b2c #3f3a3c #a8553a #d9c7a0 #5f2f2a #8c6a4c #c27a52")
    for i, wall in enumerate(walls):
        x, top, width = i * 70 - 4, 70 + 26 * (i * 3 % 4), 66
        c.box(x, top, width, 232 - top, wall, _mix(wall, "black", 0.25))
        for step in range(4):
            c.box(x + 8 * step, top - 11 * (step + 1), width - 16 * step, 12, wall)
        for y in range(top + 8, 205, 34):
            for column in (8, 27, 46):
                c.box(x + column - 1.5, y - 1.5, 15, 25, "#f2eee4")
                c.box(x + column, y, 12, 22, "#24323e", "#6f8a98")
    c.box(0, 230, WIDTH, 12, "#8f8678", "#5f584f")
    for x in (60, 205, 330, 440):
        c.tree(x, 236, 88, "#33502c", "#557a3c", "#86a456")
    c.water(242, "#7a8c84", "#26382f", ripple=0.8)


def _snowy_village(c: Canvas) -> None:
    c.sky("#1b2a52", "#5a6ea0", "#c8b8c8", bottom=240)
    c.hills(235, 90, "#aab8d4", "#8ea0c4", bumps=3)
    c.hills(255, 40, "#d5deee", "#b8c6e0")
    for left in range(10, 480, 42):
        c.pine(left, 238 + left % 17, 62 + left % 23, "#3c5a5c")
    c.hills(300, 40, "#eef3fa", "#b8c8e4", bumps=3)
    for x, y, size in _rows("40,282,62 150,268,50 250,290,70 370,275,58"):
        c.house(x, y, size, size * 0.7, "#7a4a38", "#f4f7fc", "#ffe08a", "#ffb84a")
        c.glow(x + size / 2, y - size * 0.3, size, "#ffc860", 0.35)
    c.pine(455, 345, 130, "#2c4a4c")
    c.scatter(350, 0, 360, 2, "white", "#e8eefa")


# ---------------------------------------------------------------------- things and patterns


def _fruit_table(c: Canvas) -> None:
    c.table("#8a9c8c", "#a8703f")
    c.oval(235, 318, 150, 16, "#5a3820")
    c.oval(235, 235, 130, 13, "#9aa4b8", "#dfe4ec")
    fruit = _rows("190,215,38 270,210,40 230,180,36 310,228,30 155,232,30 75,318,27")
    colours = _colours("#d8342c #f08a24 #8cb83a #d8342c #f2c83a #f08a24")
    for (x, y, r), colour in zip(fruit, colours, strict=True):
        c.ball(x, y, r, colour)
    rim = _arc(235, 235, 130, 13, pi, 0)
    c.fill([*_arc(235, 235, 130, 78, 0, pi), *rim], "#f4f1ea", "#c8d0dc", "#8c98ac")
    c.box(195, 306, 80, 10, "#a8b2c2", "#7c889c")
    c.line(_arc(235, 247, 127, 13, 0.05, pi - 0.05), "#3a5a9c", 3)
    for i in range(14):
        c.ball(395 + (i % 4) * 17 + (i // 4) * 6, 328 - (i // 4) * 15, 11, "#6a3a84")


def _flower_vase(c: Canvas) -> None:
    c.table("#94a090", "#9c6838")
    c.oval(240, 330, 75, 11, "#543520")
    for i in range(13):
        turn, reach = -pi / 2 + (i - 6) * 0.2, 100 + 32 * (i * 5 % 3)
        x, y = 240 + cos(turn) * reach, 215 + sin(turn) * reach
        bend = (240 + cos(turn) * reach * 0.4, 200 - reach * 0.2)
        c.line([(240, 235), bend, (x, y)], "#3f7038", 3)
        colour = ("#e84a6a", "#f6c03a", "#f4f0f4", "#a85ac8", "#f0803c")[i % 5]
        for a, b in _arc(x, y, 14, 14, 0, 2 * pi)[::3]:
            c.oval(a, b, 9, 9, _mix(colour, "white", 0.35), _mix(colour, "black", 0.1))
        c.ball(x, y, 8, "#8a5a1c")
    left = _rows("205,228 212,250 180,290 200,330")
    c.fill([*left, *((480 - x, y) for x, y in left[::-1])], "#dce8f2", "#5a8cc0", "#2a4f8c")
    c.fill(_rows("212,232 224,232 222,255 205,290 212,322 196,300 192,288 216,252"), "#c8e0f0")
    for x, colour in ((90, "#d8342c"), (128, "#f2c83a"), (380, "#f2c83a")):
        c.ball(x, 328, 18, colour)


def _chessboard(c: Canvas) -> None:
    def at(column: float, row: float) -> Point:
        near = 1 / (1 + 0.09 * row)
        return 240 + (column - 4) * 58 * near, 385 * near - 30

    c.sky("#4a3a34", "#8c6a54", bottom=150)
    c.glow(330, 50, 220, "#ffdca8", 0.5)
    c.box(0, 150, WIDTH, 210, "#5a3a28", "#2f1c14")
    for row, column in np.ndindex(8, 8):
        square = [at(column + dx, row + dy) for dx, dy in _rows("0,0 1,0 1,1 0,1")]
        c.fill(square, ("#6b4630", "#ecd8b0")[(row + column) % 2])
    pieces = "2,7,2 5,7,3 0,6,1 4,6,1 6,5,1 3,4,1 5,3,1 1,2,1 6,2,1 2,1,2 4,0,3 7,0,2"
    for column, row, tall in _rows(pieces):
        (x, y), r, colour = at(column + 0.5, row + 0.4), 20 / (1 + 0.09 * row), "#f4ead2"
        colour, top = "#2c2624" if row > 3 else colour, y - r * (1.1 + 0.7 * tall)
        c.oval(x + r * 0.5, y + 2, r * 1.3, r * 0.4, "#3a2418")
        c.oval(x, y, r, r * 0.4, colour, _mix(colour, "black", 0.4))
        body = [(x - r * 0.8, y), (x + r * 0.8, y), (x + r * 0.3, top), (x - r * 0.3, top)]
        c.fill(body, colour, _mix(colour, "#6b4630", 0.4))
        c.ball(x, top, r * 0.55, colour)
        if tall == 3:
            c.box(x - r * 0.12, top - r * 1.1, r * 0.24, r * 0.8, colour)
            c.box(x - r * 0.35, top - r * 0.9, r * 0.7, r * 0.22, colour)


def _mosaic(c: Canvas) -> None:
    c.sky("#d8cfc0")
    colours = _colours("#1f4f7c #e8b83a #c8452f #2f8c84 #f2e8d0 #7a2f4c #3f7fb0")
    for y, x in np.ndindex(HEIGHT // 10, WIDTH // 10):
        away, turn = np.hypot(x - 23.5, y - 17.5), np.arctan2(y - 17.5, x - 23.5)
        colour = colours[int((away * 10 + 22 * np.sin(turn * 8)) // 34) % 7]
        tile = _mix(colour, c.pick(("white", "black")), c.rng.uniform(0, 0.28))
        c.box(x * 10 + c.rng.uniform(0.5, 1.5), y * 10 + c.rng.uniform(0.5, 1.5), 8, 8, tile)


def _stained_glass(c: Canvas) -> None:
    grid = np.mgrid[0:WIDTH:48, 0:HEIGHT:45].reshape(2, -1).T
    seeds = grid + 23 + c.rng.uniform(-17, 17, grid.shape)
    down, across = np.mgrid[:HEIGHT, :WIDTH, :1][:2]
    away = np.sqrt((across - seeds[:, 0]) ** 2 + (down - seeds[:, 1]) ** 2)
    pane, (nearest, second) = away.argmin(axis=2), np.moveaxis(np.partition(away, 1)[..., :2], 2, 0)
    lead = np.clip((second - nearest) / 2 - 0.8, 0, 1)
    glass = _colours("#c8232c #1f4fa8 #f2b82c #1f8c5a #7a2f94 #e8742c #3fa8d0 #f0e4c0")
    ring = np.hypot(*(seeds - (240, 180)).T) // 40 + c.rng.integers(0, 2, len(seeds))
    colours = np.array([_rgb(glass[int(r) % 8]) for r in ring])[pane]
    lit = (0.7 + 0.5 * np.exp(-nearest / 25)) * (1.3 - down[..., 0] / 500) * lead
    c.picture.paste(_image(colours * lit[..., None] + 20).resize(c.picture.size))


PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "harbour": _harbour,
    "sunset-sea": _sunset_sea,
    "moonlit-sea": _moonlit_sea,
    "regatta": _regatta,
    "lighthouse": _lighthouse,
    "coral-reef": _coral_reef,
    "beach-umbrellas": _beach_umbrellas,
    "pine-forest": _pine_forest,
    "autumn-wood": _autumn_wood,
    "birch-wood": _birch_wood,
    "tulip-field": _tulip_field,
    "desert-dunes": _desert_dunes,
    "mountain-lake": _mountain_lake,
    "balloons": _balloons,
    "night-camp": _night_camp,
    "city-day": _city_day,
    "city-night": _city_night,
    "canal-houses": _canal_houses,
    "snowy-village": _snowy_village,
    "fruit-table": _fruit_table,
    "flower-vase": _flower_vase,
    "chessboard": _chessboard,
    "mosaic": _mosaic,
    "stained-glass": _stained_glass,
}
"""What paints each scene, by the scene's name."""
