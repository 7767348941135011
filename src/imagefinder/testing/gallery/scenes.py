"""The scenes: each a little drawing, by one function.

They are painted in units of WIDTH x HEIGHT from the top left corner. All chance in a scene comes
from its canvas, which is seeded from the scene's name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np

from imagefinder.testing.gallery.canvas import (
    HEIGHT,
    WIDTH,
    Canvas,
    Point,
    arc,
    as_image,
    mix,
    palette,
    rgb,
    rows,
)

# ---------------------------------------------------------------------- by the sea


def _harbour(c: Canvas) -> None:
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


def _sunset_sea(c: Canvas) -> None:
    c.sky("#3b2a5c", "#b4456a", "#f58b4c", "#fed37a", bottom=205)
    c.clouds("#7a3560", 0.45, streaks=9)
    c.sun(310, 178, 24, "#ffd25e")
    c.hills(207, 30, "#4a2a48", bumps=5)
    c.water(205, "#f0a060", "#3a2450", ripple=1.3)
    c.boat(130, 265, 110, "#2a1a2c", "#5a2c4a")
    for x, y in rows("200,80 228,66 250,92 176,60"):
        wings = rows("-9,-4 -4,-6 0,0 4,-6 9,-4")
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
    sails = palette("#f4f4f0 #e23d3d #f7c531 #f4f4f0 #2d9c6a #ef7d2d #3b4fa8")
    for i, sail in enumerate(sails):
        c.boat(45 + (i * 167) % 400, 185 + 24 * i, 45 + 17 * i, "#f8f8f8", sail)


def _lighthouse(c: Canvas) -> None:
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


def _coral_reef(c: Canvas) -> None:
    c.sky("#8fe0e8", "#1f8fc0", "#0b3f78")
    for x in range(0, 480, 90):
        c.glow(x, 0, 110, "#d8ffff", 0.5)
    c.hills(345, 60, "#3a6f7c", "#20404f", bumps=5)
    for i, colour in enumerate(palette("#e8587a #f29a3c #b45fc4 #e8587a #f4c84a")):
        for turn in np.linspace(-1, 1, 9).tolist():
            x, reach = 40 + 98 * i, c.rng.uniform(50, 95)
            across, tip = sin(turn) * reach, (x + sin(turn) * reach, 352 - cos(turn) * reach)
            c.line([(x, 360), (x + across * 0.4, 340 - reach * 0.3), tip], colour, 6)
            c.ball(*tip, 6, colour)
    for i, colour in enumerate(palette("#ffb52e #f4f06a #ff6a3c #ffb52e #7fe0a0 #ff6a3c #f4f06a")):
        x, y, size = 60 + (i * 137) % 380, 60 + (i * 71) % 170, 14 + 5 * (i % 4)
        c.fill(
            [(x - size, y), (x - size * 2, y - size * 0.7), (x - size * 2, y + size * 0.7)], colour
        )
        c.oval(x, y, size * 1.4, size * 0.75, mix(colour, "white", 0.4), colour, "#803010")
        c.box(x - 2, y - size * 0.7, size * 0.25, size * 1.4, "#fdfdf5")
        c.ball(x + size * 0.8, y - size * 0.15, size * 0.16 + 1, "#101820")
    for x, y, r in c.rng.uniform((0, 0, 1), (WIDTH, 250, 5), (30, 3)).tolist():
        c.ball(x, y, r, "#bff0f8")


def _beach_umbrellas(c: Canvas) -> None:
    c.sky("#f0dcae", "#e4c88c")
    c.scatter(900, 0, 360, 1.3, "#d8b878", "#fbeccc", "#c8a468")
    shore = c.ridge(110, 30, 3, 0.3)
    for lift, colours in ((0, "#fdfdf8"), (10, "#9ce0dc"), (26, "#0f6f9c #3fb8c4")):
        c.fill([*((x, y - lift) for x, y in shore), (WIDTH, 0), (0, 0)], *palette(colours))
    cloths = palette("#e23d3d #fdf8f0 #2f6fc0 #fdf8f0 #f4b82c #e8642c #2f9c84 #f4e8b0")
    spots = "60,160,34 170,190,40 290,155,34 410,180,40 90,275,46 230,290,44 370,285,50"
    for i, (x, y, r) in enumerate(rows(spots)):
        c.box(x + r * 0.6, y + r * 0.1, 18, 44, ("#f4f4ec", "#5aa0c8", "#e87a6a")[i % 3])
        c.oval(x + 9, y + 10, r, r, "#b8945c")
        for wedge in range(10):
            rim = arc(x, y, r, r, i + wedge * pi / 5, i + (wedge + 1) * pi / 5)
            c.fill([(x, y), *rim], cloths[i * 2 % 8 + wedge % 2])
        c.glow(x - r * 0.3, y - r * 0.3, r * 0.9, "white", 0.35)


# ---------------------------------------------------------------------- woods, fields, mountains


def _pine_forest(c: Canvas) -> None:
    c.sky("#cfdcd2", "#f0efdc")
    c.glow(120, 60, 220, "#fff8d8", 0.9)
    for row, colour in enumerate(palette("#aec2b4 #84a391 #54806a #2f5f48 #173d2d")):
        ground = 190 + row * 42
        c.hills(ground, 20, colour)
        for x in range(-10, 500, 26 + row * 12):
            c.pine(x + c.rng.uniform(-12, 12), ground + 6, c.rng.uniform(60, 85) + row * 22, colour)


def _autumn_wood(c: Canvas) -> None:
    c.sky("#f4dfae", "#f9efd2", bottom=230)
    c.hills(215, 40, "#d9a45c", "#a8702f")
    c.fill(rows("225,215 250,215 350,360 110,360"), "#d8b98a", "#8f6a48")
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
    colours = palette("#e23b4a #f6c62f #f08ab4 #f4f0e8 #7a3f9c #f07a2c")
    for i in range(-12, 12):
        far, near, colour = 240 + i * 22, 240 + i * 121, colours[i % 6]
        bed = [(far, 165), (far + 15, 165), (near + 82, 360), (near, 360)]
        c.fill(bed, mix(colour, "#90b070", 0.3), colour)
    c.scatter(900, 168, 362, 3, "#5f9440", "#ffffff", "#3f7a30", "#fbe08a", "#d83a4a")
    c.fill(rows("338,172 382,172 373,92 347,92"), "#8a5f44", "#5f3f2e")
    c.fill(rows("343,94 360,72 377,94"), "#3f342e")
    for turn in np.arange(0.5, 6, pi / 2).tolist():
        x, y = 360 + cos(turn) * 66, 90 + sin(turn) * 66
        c.fill([(360, 90), (x, y), (x - sin(turn) * 14, y + cos(turn) * 14)], "#f2ece0")
        c.line([(360, 90), (x, y)], "#3f342e", 2.5)


def _desert_dunes(c: Canvas) -> None:
    c.sky("#4f94cf", "#f3dcb0", bottom=220)
    c.sun(370, 80, 20, "#fff0b8")
    c.clouds("white", 0.3, bottom=110, streaks=8)
    for i, light in enumerate(palette("#e8b878 #dfa05c #d08a48 #b8703a")):
        line = c.ridge(210 + i * 52, 50 + 12 * i, 2, 0.12)
        dark, top = mix(light, "#5f2f1c", 0.45), min(line, key=lambda point: point[1])
        c.fill([*line, (WIDTH, HEIGHT), (0, HEIGHT)], light, mix(light, "#7a3f20", 0.5))
        crest = [(top[0] - 60 * sin(a), top[1] + 40 * a) for a in np.linspace(4, 0.3, 12)]
        lee = [point for point in line if point[0] >= top[0]]
        c.fill([*lee, (WIDTH, HEIGHT), *crest], dark, mix(light, dark, 0.4))


def _mountain_lake(c: Canvas) -> None:
    c.sky("#4f8fd0", "#dceaf4", bottom=215)
    c.clouds("white", 0.45)
    for x, y, width in rows("60,95,130 420,80,140 150,60,120 330,105,110 245,35,150"):
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
    silks = palette("#e23d3d #f8e08a #3a6fc4 #f4f4f0 #f0902c #7a3f8c #2f9c74 #f6d048")
    spots = "140,120,68 345,95,50 255,215,32 425,220,26 50,245,18"
    for i, (x, y, r) in enumerate(rows(spots)):
        for side in (-1, 1):
            c.line(
                [(x + side * r * 0.6, y + r * 0.7), (x + side * r * 0.14, y + r * 1.6)], "#5a4632"
            )
        for stripe, share in enumerate((1, 0.78, 0.5, 0.2)):
            crown = arc(x, y, r * share, r, pi, 2 * pi)
            skirt = arc(x, y, r * share, r * 1.35, 0.2, pi - 0.2)
            silk = silks[i * 2 % 8 + stripe % 2]
            c.fill([*crown, *skirt], mix(silk, "white", 0.15), silk, mix(silk, "black", 0.45))
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
    c.fill(rows("180,328 245,250 320,328"), "#ffc45a", "#e8782c")
    c.fill(rows("245,250 320,328 350,312"), "#a8481f", "#7a3418")
    c.fill(rows("230,328 246,268 264,328"), "#7c3a1a", "#3a1c10")


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
    walls = palette("#7c3b2c #3f3a3c #a8553a #d9c7a0 #5f2f2a #8c6a4c #c27a52")
    for i, wall in enumerate(walls):
        x, top, width = i * 70 - 4, 70 + 26 * (i * 3 % 4), 66
        c.box(x, top, width, 232 - top, wall, mix(wall, "black", 0.25))
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
    for x, y, size in rows("40,282,62 150,268,50 250,290,70 370,275,58"):
        c.house(x, y, size, size * 0.7, "#7a4a38", "#f4f7fc", "#ffe08a", "#ffb84a")
        c.glow(x + size / 2, y - size * 0.3, size, "#ffc860", 0.35)
    c.pine(455, 345, 130, "#2c4a4c")
    c.scatter(350, 0, 360, 2, "white", "#e8eefa")


# ---------------------------------------------------------------------- things and patterns


def _fruit_table(c: Canvas) -> None:
    c.table("#8a9c8c", "#a8703f")
    c.oval(235, 318, 150, 16, "#5a3820")
    c.oval(235, 235, 130, 13, "#9aa4b8", "#dfe4ec")
    fruit = rows("190,215,38 270,210,40 230,180,36 310,228,30 155,232,30 75,318,27")
    colours = palette("#d8342c #f08a24 #8cb83a #d8342c #f2c83a #f08a24")
    for (x, y, r), colour in zip(fruit, colours, strict=True):
        c.ball(x, y, r, colour)
    rim = arc(235, 235, 130, 13, pi, 0)
    c.fill([*arc(235, 235, 130, 78, 0, pi), *rim], "#f4f1ea", "#c8d0dc", "#8c98ac")
    c.box(195, 306, 80, 10, "#a8b2c2", "#7c889c")
    c.line(arc(235, 247, 127, 13, 0.05, pi - 0.05), "#3a5a9c", 3)
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
        for a, b in arc(x, y, 14, 14, 0, 2 * pi)[::3]:
            c.oval(a, b, 9, 9, mix(colour, "white", 0.35), mix(colour, "black", 0.1))
        c.ball(x, y, 8, "#8a5a1c")
    left = rows("205,228 212,250 180,290 200,330")
    c.fill([*left, *((480 - x, y) for x, y in left[::-1])], "#dce8f2", "#5a8cc0", "#2a4f8c")
    c.fill(rows("212,232 224,232 222,255 205,290 212,322 196,300 192,288 216,252"), "#c8e0f0")
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
        square = [at(column + dx, row + dy) for dx, dy in rows("0,0 1,0 1,1 0,1")]
        c.fill(square, ("#6b4630", "#ecd8b0")[(row + column) % 2])
    pieces = "2,7,2 5,7,3 0,6,1 4,6,1 6,5,1 3,4,1 5,3,1 1,2,1 6,2,1 2,1,2 4,0,3 7,0,2"
    for column, row, tall in rows(pieces):
        (x, y), r, colour = at(column + 0.5, row + 0.4), 20 / (1 + 0.09 * row), "#f4ead2"
        colour, top = "#2c2624" if row > 3 else colour, y - r * (1.1 + 0.7 * tall)
        c.oval(x + r * 0.5, y + 2, r * 1.3, r * 0.4, "#3a2418")
        c.oval(x, y, r, r * 0.4, colour, mix(colour, "black", 0.4))
        body = [(x - r * 0.8, y), (x + r * 0.8, y), (x + r * 0.3, top), (x - r * 0.3, top)]
        c.fill(body, colour, mix(colour, "#6b4630", 0.4))
        c.ball(x, top, r * 0.55, colour)
        if tall == 3:
            c.box(x - r * 0.12, top - r * 1.1, r * 0.24, r * 0.8, colour)
            c.box(x - r * 0.35, top - r * 0.9, r * 0.7, r * 0.22, colour)


def _mosaic(c: Canvas) -> None:
    c.sky("#d8cfc0")
    colours = palette("#1f4f7c #e8b83a #c8452f #2f8c84 #f2e8d0 #7a2f4c #3f7fb0")
    for y, x in np.ndindex(HEIGHT // 10, WIDTH // 10):
        away, turn = np.hypot(x - 23.5, y - 17.5), np.arctan2(y - 17.5, x - 23.5)
        colour = colours[int((away * 10 + 22 * np.sin(turn * 8)) // 34) % 7]
        tile = mix(colour, c.pick(("white", "black")), c.rng.uniform(0, 0.28))
        c.box(x * 10 + c.rng.uniform(0.5, 1.5), y * 10 + c.rng.uniform(0.5, 1.5), 8, 8, tile)


def _stained_glass(c: Canvas) -> None:
    grid = np.mgrid[0:WIDTH:48, 0:HEIGHT:45].reshape(2, -1).T
    seeds = grid + 23 + c.rng.uniform(-17, 17, grid.shape)
    down, across = np.mgrid[:HEIGHT, :WIDTH, :1][:2]
    away = np.sqrt((across - seeds[:, 0]) ** 2 + (down - seeds[:, 1]) ** 2)
    pane, (nearest, second) = away.argmin(axis=2), np.moveaxis(np.partition(away, 1)[..., :2], 2, 0)
    lead = np.clip((second - nearest) / 2 - 0.8, 0, 1)
    glass = palette("#c8232c #1f4fa8 #f2b82c #1f8c5a #7a2f94 #e8742c #3fa8d0 #f0e4c0")
    ring = np.hypot(*(seeds - (240, 180)).T) // 40 + c.rng.integers(0, 2, len(seeds))
    colours = np.array([rgb(glass[int(r) % 8]) for r in ring])[pane]
    lit = (0.7 + 0.5 * np.exp(-nearest / 25)) * (1.3 - down[..., 0] / 500) * lead
    c.image.paste(as_image(colours * lit[..., None] + 20).resize(c.image.size))


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
