"""Hits: the results of a search, a list that shows thumbnails in a notebook."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup, escape

from imagefinder.errors import CalibrationError
from imagefinder.images.thumbnail_html import thumbnail_html
from imagefinder.types import Hit

_SIDE = 160  # pixels, of a thumbnail


class Hits(list[Hit]):
    """Hits, best first."""

    detail: str | None = None
    """Why there are none, where a filter leaves no image to compare with."""

    @property
    def match_ids(self) -> list[str] | None:
        """The ids of the hits that are matches; ``None`` if that is not known of any."""
        if self and all(hit.is_match is None for hit in self):
            return None
        return [hit.id for hit in self if hit.is_match]

    def _repr_html_(self) -> str:
        """Thumbnails side by side, with rank, score and name; regions are framed."""
        cells = Markup().join(_figure(hit) for hit in self) or escape(self.detail or "no hits")
        html = Markup('<div style="display:flex;flex-wrap:wrap;gap:12px">{}</div>').format(cells)
        return str(html)


def filter_hits(hits: Hits, threshold: float | None, matches_only: bool) -> Hits:
    """The hits that reach the threshold and, if ``matches_only``, are matches.

    Raises CalibrationError if it is not known which of them are.
    """
    if matches_only and hits.match_ids is None:
        raise CalibrationError(
            "it is not known which hits are matches: search with one image, and run "
            "imagefinder sync or calibrate if the catalogue was made by an earlier version"
        )
    return Hits(
        hit
        for hit in hits
        if (threshold is None or hit.score >= threshold) and (hit.is_match or not matches_only)
    )


def _figure(hit: Hit) -> Markup:
    name = hit.title or (Path(hit.path).name if hit.path else hit.id)
    return Markup(
        '<figure style="margin:0;width:{}px" title="{}">{}'
        '<figcaption style="font:12px sans-serif;overflow-wrap:anywhere">'
        "{}. {:.3f}{}<br>{}</figcaption></figure>"
    ).format(
        _SIDE,
        hit.path or hit.id,
        thumbnail_html(hit.path, _SIDE, _region(hit)),
        hit.rank,
        hit.score,
        _verdict(hit),
        name,
    )


def _region(hit: Hit) -> tuple[float, ...] | None:
    """As fractions of the image."""
    if hit.region is None:
        return None
    width, height = max(1, hit.record.width), max(1, hit.record.height)
    return tuple(x / of for x, of in zip(hit.region, (width, height) * 2, strict=True))


def _verdict(hit: Hit) -> str:
    return f", {hit.verdict}" if hit.is_match else ""
