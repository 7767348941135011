"""The images of ``imagefinder demo``: six views of every scene."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from math import cos, pi, radians, sin
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from imagefinder.testing.gallery.canvas import Canvas
from imagefinder.testing.gallery.scenes import PAINTERS

Change: TypeAlias = Callable[[Image.Image, np.random.Generator], Image.Image]

SCENES: tuple[str, ...] = tuple(PAINTERS)
VIEWS: tuple[str, ...] = ("size", "crop", "light", "angle", "compression", "clutter")


def draw_scene(name: str) -> Image.Image:
    """Draws one of SCENES: RGB, 480x360, the same pixels every time.

    Raises:
        ValueError: there is no such scene; the message names those there are.

    """
    if name not in PAINTERS:
        raise ValueError(f"no scene is called {name!r}; there are {', '.join(SCENES)}")
    canvas = Canvas(name)
    PAINTERS[name](canvas)
    return canvas.finished()


def view_of(scene: Image.Image, view: str, seed: int) -> Image.Image:
    """Shows a scene in one of VIEWS; how strongly it is altered, and where, depends on ``seed``.

    The result is RGB. Its size is nearly the scene's own, but for "size" (35 to 150 %) and "crop"
    (70 to 80 %). The same arguments give the same pixels.

    Raises:
        ValueError: there is no such view (the message names those there are), or ``seed`` is
            negative.

    """
    if view not in _CHANGES:
        raise ValueError(f"no view is called {view!r}; there are {', '.join(VIEWS)}")
    rng = np.random.default_rng(seed)
    nudged = _window(scene.convert("RGB"), rng.uniform(0.97, 0.99), rng.random(), rng.random())
    return _CHANGES[view](nudged, rng)


def save_gallery(folder: Path) -> list[Path]:
    """Writes ``folder/<scene>/<view>.jpg`` for every scene and view, making folders as needed.

    Files of the same names are replaced; their bytes depend on Pillow's version alone. The paths
    come back scene by scene, in the order of SCENES and VIEWS.
    """
    paths = []
    for name in SCENES:
        scene = draw_scene(name)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for view in VIEWS:
            path = folder / name / f"{view}.jpg"
            seed = zlib.crc32(f"{name}/{view}".encode())
            view_of(scene, view, seed).save(path, quality=90)
            paths.append(path)
    return paths


def _window(image: Image.Image, share: float, across: float, down: float) -> Image.Image:
    """Cuts out a window `share` as wide and high; 0 and 0 is top left, 1 and 1 bottom right."""
    width, height = round(image.width * share), round(image.height * share)
    left = round((image.width - width) * across)
    top = round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))


def _size(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = rng.choice([rng.uniform(0.36, 0.75), rng.uniform(1.2, 1.5)])
    size = round(image.width * factor), round(image.height * factor)
    return image.resize(size, Image.Resampling.LANCZOS)


def _crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    across, down = (side + rng.uniform(0, 0.25) for side in rng.choice([0.0, 0.75], 2))
    return _window(image, rng.uniform(0.73, 0.8), across, down)


def _light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    brightness = rng.choice([rng.uniform(0.6, 0.8), rng.uniform(1.2, 1.4)])
    lit = ImageEnhance.Brightness(image).enhance(brightness)
    lit = ImageEnhance.Contrast(lit).enhance(rng.uniform(0.75, 1.25))
    warmth = rng.choice([-1, 1]) * rng.uniform(0.05, 0.15)
    pixels = np.asarray(lit) * np.array([1 + warmth, 1.0, 1 - warmth])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _angle(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned by 6 to 12 degrees and tilted a little; the corners show mirrored surroundings."""
    margin = max(image.size) // 4
    padded = np.pad(np.asarray(image), ((margin, margin), (margin, margin), (0, 0)), "reflect")
    turn = radians(rng.choice([-1, 1]) * rng.uniform(6, 12))
    tilt = rng.uniform(-0.2, 0.2, 2) / max(image.size)
    camera = np.array([[cos(turn), -sin(turn), 0], [sin(turn), cos(turn), 0], [*tilt, 1]])
    center = np.array([image.width / 2, image.height / 2])
    before, after = np.eye(3), np.eye(3)
    before[:2, 2], after[:2, 2] = -center, center + margin
    matrix = after @ camera @ before
    return Image.fromarray(padded).transform(
        image.size,
        Image.Transform.PERSPECTIVE,
        (matrix / matrix[2, 2]).ravel()[:8].tolist(),
        Image.Resampling.BICUBIC,
    )


def _compression(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(10, 15)))
    return Image.open(buffer).convert("RGB")


def _clutter(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A caption, a sticker or a frame, over 10 to 20 % of the image."""
    cluttered, color = image.copy(), f"hsl({rng.integers(360)}, 75%, 50%)"
    pen, (width, height) = ImageDraw.Draw(cluttered), cluttered.size
    share = rng.uniform(0.11, 0.18)
    kind = rng.choice(["caption", "sticker", "frame"])
    if kind == "caption":
        tall, top = height * share, height * rng.uniform(0.02, 0.8)
        pen.rectangle((0, top, width, top + tall), fill=color)
        font = ImageFont.load_default(tall * 0.6)
        pen.text((width / 2, top + tall / 2), "Greetings from afar", "white", font, "mm")
    elif kind == "sticker":
        radius = (share * width * height / pi) ** 0.5
        x = rng.uniform(radius, width - radius)
        y = rng.uniform(radius, height - radius)
        pen.circle((x, y), radius, fill="white")
        pen.regular_polygon((x, y, radius * 0.85), 5, int(rng.integers(72)), fill=color)
    else:
        border = width * height * share / (2 * (width + height))
        pen.rectangle((0, 0, width - 1, height - 1), outline=color, width=round(border))
    return cluttered


_CHANGES: dict[str, Change] = {
    "size": _size,
    "crop": _crop,
    "light": _light,
    "angle": _angle,
    "compression": _compression,
    "clutter": _clutter,
}
