"""Scenes in town, and still lifes."""

from __future__ import annotations

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


def city_day(c: Canvas) -> None:
    """Draw ``city-day``."""
    c.sky("#5f9fd8", "#d8e8f0", bottom=270)
    c.clouds("white", 0.45)
    c.towers(262, 190, ("#a8bccb", "#b8c6d0"), ("#c0d0da", "#b0c2ce"))
    walls = ("#8a97a4", "#c2a88c", "#b5715a", "#d8d2c4", "#5f7f98")
    c.towers(270, 130, walls, ("#3a5068", "#9fc4dc", "#dcecf2"))
    c.water(270, "#8fb4c8", "#2f5f78")


def city_night(c: Canvas) -> None:
    """Draw ``city-night``."""
    c.sky("#0a0f2a", "#2a2456", "#7a3f6c", bottom=270)
    c.scatter(70, 0, 110, 0.8, "white")
    c.towers(262, 190, ("#1f2448", "#272a54"), ("#1f2448", "#4a4668", "#1a1e40"))
    panes = ("#ffd875", "#10132a", "#f7b24a", "#10132a", "#a8d8f0")
    c.towers(270, 130, ("#12152e", "#1a1c3a", "#0e1024"), panes)
    c.water(270, "#4a3a68", "#0a0c20", ripple=1.3)


def canal_houses(c: Canvas) -> None:
    """Draw ``canal-houses``."""
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


def snowy_village(c: Canvas) -> None:
    """Draw ``snowy-village``."""
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


def fruit_table(c: Canvas) -> None:
    """Draw ``fruit-table``."""
    c.table("#8a9c8c", "#a8703f")
    c.oval(235, 318, 150, 16, "#5a3820")
    c.oval(235, 235, 130, 13, "#9aa4b8", "#dfe4ec")
    fruit = rows("190,215,38 270,210,40 230,180,36 310,228,30 155,232,30 75,318,27")
    colors = palette("#d8342c #f08a24 #8cb83a #d8342c #f2c83a #f08a24")
    for (x, y, r), color in zip(fruit, colors, strict=True):
        c.ball(x, y, r, color)
    rim = arc(235, 235, 130, 13, pi, 0)
    c.fill([*arc(235, 235, 130, 78, 0, pi), *rim], "#f4f1ea", "#c8d0dc", "#8c98ac")
    c.box(195, 306, 80, 10, "#a8b2c2", "#7c889c")
    c.line(arc(235, 247, 127, 13, 0.05, pi - 0.05), "#3a5a9c", 3)
    for i in range(14):
        c.ball(395 + (i % 4) * 17 + (i // 4) * 6, 328 - (i // 4) * 15, 11, "#6a3a84")


def flower_vase(c: Canvas) -> None:
    """Draw ``flower-vase``."""
    c.table("#94a090", "#9c6838")
    c.oval(240, 330, 75, 11, "#543520")
    for i in range(13):
        turn, reach = -pi / 2 + (i - 6) * 0.2, 100 + 32 * (i * 5 % 3)
        x, y = 240 + cos(turn) * reach, 215 + sin(turn) * reach
        bend = (240 + cos(turn) * reach * 0.4, 200 - reach * 0.2)
        c.line([(240, 235), bend, (x, y)], "#3f7038", 3)
        color = ("#e84a6a", "#f6c03a", "#f4f0f4", "#a85ac8", "#f0803c")[i % 5]
        for a, b in arc(x, y, 14, 14, 0, 2 * pi)[::3]:
            c.oval(a, b, 9, 9, mix(color, "white", 0.35), mix(color, "black", 0.1))
        c.ball(x, y, 8, "#8a5a1c")
    left = rows("205,228 212,250 180,290 200,330")
    c.fill([*left, *((480 - x, y) for x, y in left[::-1])], "#dce8f2", "#5a8cc0", "#2a4f8c")
    c.fill(rows("212,232 224,232 222,255 205,290 212,322 196,300 192,288 216,252"), "#c8e0f0")
    for x, color in ((90, "#d8342c"), (128, "#f2c83a"), (380, "#f2c83a")):
        c.ball(x, 328, 18, color)


def chessboard(c: Canvas) -> None:
    """Draw ``chessboard``."""

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
        (x, y), r, color = at(column + 0.5, row + 0.4), 20 / (1 + 0.09 * row), "#f4ead2"
        color, top = "#2c2624" if row > 3 else color, y - r * (1.1 + 0.7 * tall)
        c.oval(x + r * 0.5, y + 2, r * 1.3, r * 0.4, "#3a2418")
        c.oval(x, y, r, r * 0.4, color, mix(color, "black", 0.4))
        body = [(x - r * 0.8, y), (x + r * 0.8, y), (x + r * 0.3, top), (x - r * 0.3, top)]
        c.fill(body, color, mix(color, "#6b4630", 0.4))
        c.ball(x, top, r * 0.55, color)
        if tall == 3:
            c.box(x - r * 0.12, top - r * 1.1, r * 0.24, r * 0.8, color)
            c.box(x - r * 0.35, top - r * 0.9, r * 0.7, r * 0.22, color)


def mosaic(c: Canvas) -> None:
    """Draw ``mosaic``."""
    c.sky("#d8cfc0")
    colors = palette("#1f4f7c #e8b83a #c8452f #2f8c84 #f2e8d0 #7a2f4c #3f7fb0")
    for y, x in np.ndindex(HEIGHT // 10, WIDTH // 10):
        away, turn = np.hypot(x - 23.5, y - 17.5), np.arctan2(y - 17.5, x - 23.5)
        color = colors[int((away * 10 + 22 * np.sin(turn * 8)) // 34) % 7]
        tile = mix(color, c.pick(("white", "black")), c.rng.uniform(0, 0.28))
        c.box(x * 10 + c.rng.uniform(0.5, 1.5), y * 10 + c.rng.uniform(0.5, 1.5), 8, 8, tile)


def stained_glass(c: Canvas) -> None:
    """Draw ``stained-glass``."""
    grid = np.mgrid[0:WIDTH:48, 0:HEIGHT:45].reshape(2, -1).T
    seeds = grid + 23 + c.rng.uniform(-17, 17, grid.shape)
    down, across = np.mgrid[:HEIGHT, :WIDTH, :1][:2]
    away = np.sqrt((across - seeds[:, 0]) ** 2 + (down - seeds[:, 1]) ** 2)
    pane, (nearest, second) = away.argmin(axis=2), np.moveaxis(np.partition(away, 1)[..., :2], 2, 0)
    lead = np.clip((second - nearest) / 2 - 0.8, 0, 1)
    glass = palette("#c8232c #1f4fa8 #f2b82c #1f8c5a #7a2f94 #e8742c #3fa8d0 #f0e4c0")
    ring = np.hypot(*(seeds - (240, 180)).T) // 40 + c.rng.integers(0, 2, len(seeds))
    colors = np.array([rgb(glass[int(r) % 8]) for r in ring])[pane]
    lit = (0.7 + 0.5 * np.exp(-nearest / 25)) * (1.3 - down[..., 0] / 500) * lead
    c.image.paste(as_image(colors * lit[..., None] + 20).resize(c.image.size))
