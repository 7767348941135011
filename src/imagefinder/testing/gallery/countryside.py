"""Scenes of woods, fields and mountains."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from imagefinder.testing.gallery.canvas import (
    HEIGHT,
    WIDTH,
    Canvas,
    arc,
    mix,
    palette,
    rows,
)


def pine_forest(c: Canvas) -> None:
    """Draw ``pine-forest``."""
    c.sky("#cfdcd2", "#f0efdc")
    c.glow(120, 60, 220, "#fff8d8", 0.9)
    for row, color in enumerate(palette("#aec2b4 #84a391 #54806a #2f5f48 #173d2d")):
        ground = 190 + row * 42
        c.hills(ground, 20, color)
        for x in range(-10, 500, 26 + row * 12):
            c.pine(x + c.rng.uniform(-12, 12), ground + 6, c.rng.uniform(60, 85) + row * 22, color)


def autumn_wood(c: Canvas) -> None:
    """Draw ``autumn-wood``."""
    c.sky("#f4dfae", "#f9efd2", bottom=230)
    c.hills(215, 40, "#d9a45c", "#a8702f")
    c.fill(rows("225,215 250,215 350,360 110,360"), "#d8b98a", "#8f6a48")
    red, gold = ("#8c2f1a", "#c24a1e", "#ee8a2c"), ("#96601a", "#d9992a", "#f7cf52")
    for i in range(14):
        near = i / 13
        away = c.rng.uniform(120, 180) * (0.4 + near) * (-1, 1)[i % 2]
        c.tree(238 + away, 222 + 110 * near, 95 + 150 * near, *(gold if i % 3 == 1 else red))
    c.scatter(500, 235, 360, 4, "#c24a1e", "#e8a23a", "#8c3a1e", "#f2c95a")


def birch_wood(c: Canvas) -> None:
    """Draw ``birch-wood``."""
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


def tulip_field(c: Canvas) -> None:
    """Draw ``tulip-field``."""
    c.sky("#8cc6ee", "#eef6f6", bottom=165)
    c.clouds("white", 0.55, bottom=170)
    c.box(0, 158, WIDTH, 202, "#6f9c4c", "#3f7034")
    colors = palette("#e23b4a #f6c62f #f08ab4 #f4f0e8 #7a3f9c #f07a2c")
    for i in range(-12, 12):
        far, near, color = 240 + i * 22, 240 + i * 121, colors[i % 6]
        bed = [(far, 165), (far + 15, 165), (near + 82, 360), (near, 360)]
        c.fill(bed, mix(color, "#90b070", 0.3), color)
    c.scatter(900, 168, 362, 3, "#5f9440", "#ffffff", "#3f7a30", "#fbe08a", "#d83a4a")
    c.fill(rows("338,172 382,172 373,92 347,92"), "#8a5f44", "#5f3f2e")
    c.fill(rows("343,94 360,72 377,94"), "#3f342e")
    for turn in np.arange(0.5, 6, pi / 2).tolist():
        x, y = 360 + cos(turn) * 66, 90 + sin(turn) * 66
        c.fill([(360, 90), (x, y), (x - sin(turn) * 14, y + cos(turn) * 14)], "#f2ece0")
        c.line([(360, 90), (x, y)], "#3f342e", 2.5)


def desert_dunes(c: Canvas) -> None:
    """Draw ``desert-dunes``."""
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


def mountain_lake(c: Canvas) -> None:
    """Draw ``mountain-lake``."""
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


def balloons(c: Canvas) -> None:
    """Draw ``balloons``."""
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


def night_camp(c: Canvas) -> None:
    """Draw ``night-camp``."""
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
