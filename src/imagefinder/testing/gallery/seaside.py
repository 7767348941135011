"""Scenes by the sea."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from imagefinder.testing.gallery.canvas import (
    WIDTH,
    Canvas,
    arc,
    mix,
    palette,
    rows,
)


def harbour(c: Canvas) -> None:
    """Draw ``harbour``."""
    c.sky("#6fa8dc", "#dcecf5", bottom=220)
    c.clouds("white", 0.5)
    c.hills(190, 60, "#7c9c86", "#5b7f63", bumps=3)
    walls = palette("#e8b04a #d9694f #f3ead8 #7fb0c4 #e7a0a0 #c9d38a #d9694f #f3ead8")
    for i, wall in enumerate(walls):
        roof, tall = ("#8c3f2e", "#6b4a3f")[i % 2], 58 + 14 * (i * 5 % 3)
        c.house(8 + i * 59, 208, 52, tall, wall, roof, "#38506a", "#7a96ad")
    c.box(0, 206, WIDTH, 12, "#b9ab94", "#7d725f")
    c.water(218, "#7fb0c8", "#1f5a78")
    c.boat(90, 262, 80, "#b5382c", "#f5efe0")
    c.boat(400, 275, 90, "#22577a", "#f5efe0")
    c.boat(230, 300, 110, "#f2f2f2", "#f5efe0")


def sunset_sea(c: Canvas) -> None:
    """Draw ``sunset-sea``."""
    c.sky("#3b2a5c", "#b4456a", "#f58b4c", "#fed37a", bottom=205)
    c.clouds("#7a3560", 0.45, streaks=9)
    c.sun(310, 178, 24, "#ffd25e")
    c.hills(207, 30, "#4a2a48", bumps=5)
    c.water(205, "#f0a060", "#3a2450", ripple=1.3)
    c.boat(130, 265, 110, "#2a1a2c", "#5a2c4a")
    for x, y in rows("200,80 228,66 250,92 176,60"):
        wings = rows("-9,-4 -4,-6 0,0 4,-6 9,-4")
        c.line([(x + across, y + down) for across, down in wings], "#2a1a3c", 1.5)


def moonlit_sea(c: Canvas) -> None:
    """Draw ``moonlit-sea``."""
    c.sky("#060b22", "#16305e", "#3f6a9c", bottom=205)
    c.scatter(120, 0, 150, 0.9, "white", "#b8c8ff")
    c.clouds("#26406e", 0.5, streaks=8)
    c.sun(160, 90, 22, "#e8eccc")
    c.hills(207, 40, "#0b1630", bumps=4)
    c.water(205, "#5f86b0", "#050a1e", ripple=1.3)
    c.glow(160, 260, 90, "#dfe8d8", 0.4)
    c.boat(340, 270, 110, "#080c18", "#22345c")


def regatta(c: Canvas) -> None:
    """Draw ``regatta``."""
    c.sky("#2f7fd0", "#bfe0f5", bottom=165)
    c.clouds("white", 0.55, bottom=170)
    c.hills(168, 34, "#5f8f86", "#47756c", bumps=6)
    c.water(165, "#4fa3d1", "#0d4a86")
    sails = palette("#f4f4f0 #e23d3d #f7c531 #f4f4f0 #2d9c6a #ef7d2d #3b4fa8")
    for i, sail in enumerate(sails):
        c.boat(45 + (i * 167) % 400, 185 + 24 * i, 45 + 17 * i, "#f8f8f8", sail)


def lighthouse(c: Canvas) -> None:
    """Draw ``lighthouse``."""
    c.sky("#4f8fca", "#f6e3c0", bottom=240)
    c.clouds("white", 0.5)
    c.water(235, "#6fa6b8", "#17506a", ripple=1.2)
    c.scatter(160, 235, 360, 3, "#e8f2f2", "#9cc4cc", "#2a6078")
    grass, rock = rows("268,215 330,203 420,200 480,208"), rows("480,360 215,360 262,290 252,250")
    c.fill([*grass, *rock], "#a08c74", "#6b5a4a", "#3f362f")
    for _ in range(150):
        x, y, long, fall = c.rng.uniform((262, 238, 8, -4), (480, 355, 30, 4)).tolist()
        c.line([(x, y), (x + long, y + fall)], c.pick(("#54473c", "#b8a48a", "#7c6a58")), 1.5)
    c.fill([*grass, *rows("480,236 400,246 330,232 254,246")], "#9cb860", "#5f7a3c")
    for i in range(6):
        y, low, high = 210 - 25 * i, 24 - i * 1.8, 22.2 - i * 1.8
        band = [(360 - low, y), (360 + low, y), (360 + high, y - 25), (360 - high, y - 25)]
        c.fill(band, ("#c8332b", "#f7f4ec")[i % 2])
        c.fill([*band[1:3], (368, y - 25), (370, y)], ("#97241f", "#cfcabd")[i % 2])
    c.box(349, 34, 22, 20, "#ffe9a0", "#f5c542")
    c.box(340, 54, 40, 6, "#2c2c30")
    c.fill(rows("344,36 360,18 376,36"), "#8c231d")
    c.house(415, 206, 46, 30, "#f3eee2", "#9c4a38", "#38506a")


def coral_reef(c: Canvas) -> None:
    """Draw ``coral-reef``."""
    c.sky("#8fe0e8", "#1f8fc0", "#0b3f78")
    for x in range(0, 480, 90):
        c.glow(x, 0, 110, "#d8ffff", 0.5)
    c.hills(345, 60, "#3a6f7c", "#20404f", bumps=5)
    for i, color in enumerate(palette("#e8587a #f29a3c #b45fc4 #e8587a #f4c84a")):
        for turn in np.linspace(-1, 1, 9).tolist():
            x, reach = 40 + 98 * i, c.rng.uniform(50, 95)
            across, tip = sin(turn) * reach, (x + sin(turn) * reach, 352 - cos(turn) * reach)
            c.line([(x, 360), (x + across * 0.4, 340 - reach * 0.3), tip], color, 6)
            c.ball(*tip, 6, color)
    for i, color in enumerate(palette("#ffb52e #f4f06a #ff6a3c #ffb52e #7fe0a0 #ff6a3c #f4f06a")):
        x, y, size = 60 + (i * 137) % 380, 60 + (i * 71) % 170, 14 + 5 * (i % 4)
        c.fill(
            [(x - size, y), (x - size * 2, y - size * 0.7), (x - size * 2, y + size * 0.7)], color
        )
        c.oval(x, y, size * 1.4, size * 0.75, mix(color, "white", 0.4), color, "#803010")
        c.box(x - 2, y - size * 0.7, size * 0.25, size * 1.4, "#fdfdf5")
        c.ball(x + size * 0.8, y - size * 0.15, size * 0.16 + 1, "#101820")
    for x, y, r in c.rng.uniform((0, 0, 1), (WIDTH, 250, 5), (30, 3)).tolist():
        c.ball(x, y, r, "#bff0f8")


def beach_umbrellas(c: Canvas) -> None:
    """Draw ``beach-umbrellas``."""
    c.sky("#f0dcae", "#e4c88c")
    c.scatter(900, 0, 360, 1.3, "#d8b878", "#fbeccc", "#c8a468")
    shore = c.ridge(110, 30, 3, 0.3)
    for lift, colors in ((0, "#fdfdf8"), (10, "#9ce0dc"), (26, "#0f6f9c #3fb8c4")):
        c.fill([*((x, y - lift) for x, y in shore), (WIDTH, 0), (0, 0)], *palette(colors))
    cloths = palette("#e23d3d #fdf8f0 #2f6fc0 #fdf8f0 #f4b82c #e8642c #2f9c84 #f4e8b0")
    spots = "60,160,34 170,190,40 290,155,34 410,180,40 90,275,46 230,290,44 370,285,50"
    for i, (x, y, r) in enumerate(rows(spots)):
        c.box(x + r * 0.6, y + r * 0.1, 18, 44, ("#f4f4ec", "#5aa0c8", "#e87a6a")[i % 3])
        c.oval(x + 9, y + 10, r, r, "#b8945c")
        for wedge in range(10):
            rim = arc(x, y, r, r, i + wedge * pi / 5, i + (wedge + 1) * pi / 5)
            c.fill([(x, y), *rim], cloths[i * 2 % 8 + wedge % 2])
        c.glow(x - r * 0.3, y - r * 0.3, r * 0.9, "white", 0.35)
