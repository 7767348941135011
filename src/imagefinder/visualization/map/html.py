"""A map as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from imagefinder.images.limits import LIMITS, Limits
from imagefinder.types import Progress, Record
from imagefinder.visualization.map.grid import grid
from imagefinder.visualization.map.legend import Legend, legend
from imagefinder.visualization.map.map import Map
from imagefinder.visualization.map.projection import By
from imagefinder.visualization.map.sprite_sheet import Sheet, sheet

_NEAR = (
    "Images that lie near each other are alike to the encoder; "
    "how far apart groups are says little."
)
_READING: dict[By, str] = {
    "tsne": _NEAR,
    "umap": _NEAR,
    "pca": "The two directions in which the images' vectors differ most.",
}
_KEYS = (
    "Arrows: the next image that way. Shift and arrows: move. "
    "+ and -: closer and farther. 0: the whole map. Esc: none."
)


@dataclass(frozen=True)
class Page:
    """A map as a page."""

    html: bytes
    unreadable: int
    """Images that could not be read; they are dots."""


def page(found: Map, limits: Limits = LIMITS, progress: Progress = iter) -> Page:
    """The page, its thumbnails within it."""
    small = sheet(found.records, limits, progress)
    style, script = _part("page.css"), _part("page.js")
    sha256 = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{sha256}'"
    )
    title = escape(f"{found.method} of {found.told()}")
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<div class="about"><h1>{title}</h1>
<p>{_READING[found.by]}</p></div>
<div class="tools">
<input id="search" type="search" placeholder="Search by name" aria-label="Search by name">
<button id="closer" aria-label="Closer" title="Closer (+)">+</button>
<button id="farther" aria-label="Farther" title="Farther (-)">&minus;</button>
<button id="whole" title="The whole map (0)">Whole map</button>
</div>
<ul id="legend" aria-label="Groups, to be shown or hidden"></ul>
</header>
<main>
<canvas id="map" tabindex="0" role="application" aria-label="{title}" aria-describedby="help">
</canvas>
<p id="help">{_KEYS}</p>
</main>
<aside>
<section id="picked" aria-live="polite"></section>
<h2 id="count"></h2>
<ol id="list" aria-labelledby="count"></ol>
</aside>
<noscript><p>The map is drawn by the script of this page, which is switched off.</p></noscript>
<img id="sheet" alt="" hidden src="data:image/webp;base64,{b64encode(small.webp).decode()}">
<script type="application/json" id="data">{_harmless(_data(found, small))}</script>
<script type="module">{script}</script>
</body>
</html>
"""
    unreadable = small.sizes.count((0, 0))
    return Page(html.encode("utf-8", "backslashreplace"), unreadable)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _data(found: Map, small: Sheet) -> dict[str, Any]:
    """What the script draws: columns, a number or name for each image."""
    key = legend(found.groups)
    cells = grid(found.places).cells
    return {
        "side": small.side,
        "columns": small.columns,
        "groups": _groups(key),
        "group": key.codes,
        "x": cells[:, 0].tolist(),
        "y": cells[:, 1].tolist(),
        "width": [width for width, _ in small.sizes],
        "height": [height for _, height in small.sizes],
        "name": _names(found.records),
        "size": [f"{record.width} × {record.height}" for record in found.records],
        "id": [record.id for record in found.records],
    }


def _groups(key: Legend) -> list[dict[str, str]]:
    return [
        {"name": name, "colour": colour}
        for name, colour in zip(key.names, key.colours, strict=True)
    ]


def _names(records: Sequence[Record]) -> list[str]:
    """Each image's path from the folder that holds them all, after its title if it has one."""
    paths = [record.path or record.id for record in records]
    begin = len(_common(paths))
    return [
        f"{record.title} ({path[begin:]})" if record.title else path[begin:]
        for record, path in zip(records, paths, strict=True)
    ]


def _common(paths: Sequence[str]) -> str:
    """The folder that holds them all, with the separator; nothing if there is none."""
    try:
        common = os.path.commonpath([str(Path(path).parent) for path in paths])
    except ValueError:  # no paths, or on several drives
        return ""
    return common.rstrip(os.sep) + os.sep


def _harmless(data: dict[str, Any]) -> str:
    """As JSON in which no text can end the script that it stands in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
