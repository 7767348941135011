"""Color profiles: colors that an image declares to be in another space than sRGB, as sRGB.

By an embedded ICC profile, or by the gamma of a PNG. Unusable profiles are ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, TypeAlias, cast

import numpy as np
import PIL.Image

Conversion: TypeAlias = Callable[[PIL.Image.Image], PIL.Image.Image]
"""Takes an image in RGB, or in CMYK if that is its mode, and gives it in sRGB."""

_LARGEST = 4 * 2**20  # bytes; the profiles of presses have up to 3 million
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_GRAY = ("1", "L", "LA", "La", "I", "F")
_SAME = 4  # gray levels: the many editions of the sRGB profile differ by less
_SRGB_GAMMA = 1 / 2.2
_CLOSE = 0.03
_GAMMAS = (0.2, 2.0)
_conversions: dict[tuple[bytes, str], Conversion | None] = {}
_MOST_KEPT = 64


def srgb_conversion(image: PIL.Image.Image) -> Conversion | None:
    """What makes an image sRGB; None if it is, or does not say that it is not."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return _by_profile(profile, image.mode) if len(profile) <= _LARGEST else None
    gamma = image.info.get("gamma")
    if not isinstance(gamma, float) or "srgb" in image.info:
        return None
    is_usual = abs(gamma - _SRGB_GAMMA) < _CLOSE or not _GAMMAS[0] < gamma < _GAMMAS[1]
    return None if is_usual else _by_gamma(gamma)


def _by_profile(profile: bytes, mode: str) -> Conversion | None:
    """Kept, because most images of a collection have one of a few profiles."""
    kind = "L" if mode in _GRAY or mode.startswith("I;") else mode
    key = hashlib.sha256(profile).digest(), kind
    if key not in _conversions:
        conversion = _built(profile, kind)
        if len(_conversions) >= _MOST_KEPT:
            _conversions.clear()
        _conversions[key] = conversion
    return _conversions[key]


def _built(profile: bytes, kind: str) -> Conversion | None:
    from PIL import ImageCms  # slow to import, seldom needed

    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE  # shared by threads
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip(), "")
        suits = (kind == "CMYK") == (mode == "CMYK") and kind != "LAB"
        if not mode or not suits or (mode == "L" and kind != "L"):
            return None
        transform = ImageCms.buildTransform(
            source, _srgb(), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags
        )
    except Exception:  # a damaged profile must not cost the image
        return None

    def converted(image: PIL.Image.Image) -> PIL.Image.Image:
        single = image.getchannel(0) if mode == "L" else image
        return cast(PIL.Image.Image, ImageCms.applyTransform(single, transform))

    return converted if mode == "CMYK" or _changes(converted, mode) else None


@cache
def _srgb() -> Any:
    from PIL import ImageCms

    return ImageCms.createProfile("sRGB")


def _changes(conversion: Conversion, mode: str) -> bool:
    """Whether it makes a visible difference."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(9, 81, 3)
    if mode == "L":
        colors[...] = colors[..., :1]
    after = np.asarray(conversion(PIL.Image.fromarray(colors)))
    return int(np.abs(after.astype(int) - colors).max()) > _SAME


def _by_gamma(gamma: float) -> Conversion:
    linear = (np.arange(256) / 255) ** (1 / gamma)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table = [*(curve * 255).round().astype(int).tolist()] * 3
    return lambda image: image.point(table)
