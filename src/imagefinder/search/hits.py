"""Hits: the results of a search, a list that shows thumbnails in a notebook."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

from imagefinder.errors import ImageError
from imagefinder.images.thumbnails import thumbnail
from imagefinder.types import Hit

_SIDE = 160  # pixels, of a thumbnail


class Hits(list[Hit]):
    """Hits, best first."""

    @property
    def match_ids(self) -> list[str] | None:
        """The ids of the hits that are matches; ``None`` if the catalogue is not calibrated."""
        if any(hit.is_match is None for hit in self):
            return None
        return [hit.id for hit in self if hit.is_match]

    def _repr_html_(self) -> str:
        """Thumbnails side by side, with rank, score and name."""
        cells = "".join(_figure(hit) for hit in self)
        return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{cells or "no hits"}</div>'


def shown(path: str | None, side: int = _SIDE) -> str:
    """An HTML image of a file, its longer side ``side`` pixels, or the reason why there is none."""
    if path is None:
        return "<p>(given in memory)</p>"
    try:
        small = thumbnail(path, side)
    except ImageError as error:
        return f"<p>({escape(str(error))})</p>"
    scale = side / max(small.width, small.height)
    width, height = (max(1, round(length * scale)) for length in (small.width, small.height))
    data = b64encode(small.jpeg).decode()
    return f'<img alt="" width="{width}" height="{height}" src="data:image/jpeg;base64,{data}">'


def _figure(hit: Hit) -> str:
    name = escape(hit.title or (Path(hit.path).name if hit.path else hit.id))
    return (
        f'<figure style="margin:0;width:{_SIDE}px" title="{escape(hit.path or hit.id)}">'
        f"{shown(hit.path)}"
        f'<figcaption style="font:12px sans-serif;overflow-wrap:anywhere">'
        f"{hit.rank}. {hit.score:.3f}{_verdict(hit)}<br>{name}</figcaption></figure>"
    )


def _verdict(hit: Hit) -> str:
    if hit.is_match is None:
        return ""
    return ", a match" if hit.is_match else ", no match"
