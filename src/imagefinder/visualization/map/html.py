"""HTML page of a map: self-contained, with pan, zoom, search and legend."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imagefinder._utils.outputs import mark
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Progress, Record
from imagefinder.visualization.html import data_url, render
from imagefinder.visualization.map.grid import make_grid
from imagefinder.visualization.map.legend import Legend, make_legend
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.projection import Projection
from imagefinder.visualization.map.sprite_sheet import SpriteSheet, make_sprite_sheet

_SCRIPTS = ("shared/image-map.js", "page.js")
_IMPORT = 'import { ImageMap } from "./shared/image-map.js";\n'
_NEIGHBORS = (
    "Images that are near each other are similar to the encoder; "
    "distances between groups mean little."
)
_EXPLANATIONS: dict[Projection, str] = {
    "tsne": _NEIGHBORS,
    "umap": _NEIGHBORS,
    "pca": "The two principal components of the images' embeddings.",
}


@dataclass(frozen=True)
class MapPage:
    """A map as a page."""

    html: bytes
    unreadable: int
    """Images that could not be read; they are plain squares."""


def html_page(found: Map, limits: Limits = LIMITS, progress: Progress = iter) -> MapPage:
    """The page, with its thumbnails."""
    sprites = make_sprite_sheet(found.records, limits, progress)
    script = _script()
    html = render(
        __package__,
        "map.html",
        title=f"{found.method} of {found.description}",
        generator=mark("map"),
        explanation=_EXPLANATIONS[found.by],
        sprites_url=data_url(sprites.webp, "webp"),
        map_data=_map_data(found, sprites),
        script=Markup(script),  # noqa: S704  our own file
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return MapPage(html.encode("utf-8", "backslashreplace"), sprites.sizes.count((0, 0)))


def _script() -> str:
    """The page's own script, with the module that it imports in front, as one module."""
    shared, own = (files(__package__).joinpath(name).read_text("utf-8") for name in _SCRIPTS)
    return shared.replace("export class", "class") + own.replace(_IMPORT, "")


def _map_data(found: Map, sprites: SpriteSheet) -> dict[str, Any]:
    """What the script draws: columns, with a number or a name for each image."""
    legend = make_legend(found.groups)
    cells = make_grid(found.coordinates).cells
    return {
        "side": sprites.side,
        "columns": sprites.columns,
        "groups": _groups(legend),
        "group": legend.codes,
        "x": cells[:, 0].tolist(),
        "y": cells[:, 1].tolist(),
        "width": [width for width, _ in sprites.sizes],
        "height": [height for _, height in sprites.sizes],
        "name": _names(found.records),
        "size": [f"{record.width} × {record.height}" for record in found.records],
        "id": [record.id for record in found.records],
    }


def _groups(legend: Legend) -> list[dict[str, str]]:
    return [
        {"name": name, "color": color}
        for name, color in zip(legend.names, legend.colors, strict=True)
    ]


def _names(records: Sequence[Record]) -> list[str]:
    """Each image's path relative to the folder that holds them all, after its title if any."""
    paths = [record.path or record.id for record in records]
    start = len(_common_folder(paths))
    return [
        f"{record.title} ({path[start:]})" if record.title else path[start:]
        for record, path in zip(records, paths, strict=True)
    ]


def _common_folder(paths: Sequence[str]) -> str:
    """The folder that holds them all, with the separator; empty if there is none."""
    try:
        common = os.path.commonpath([str(Path(path).parent) for path in paths])
    except ValueError:  # no paths, or on several drives
        return ""
    return common.rstrip(os.sep) + os.sep
