"""Groups of copies as one page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from imagefinder.near_duplicates.detect import Duplicates, Group
from imagefinder.search.hits import shown
from imagefinder.types import Record

_HEAD = """<!doctype html>
<meta charset="utf-8">
<title>Copies</title>
<style>
body { font: 14px sans-serif; margin: 2em }
section { border-top: 1px solid #ccc; padding: 1em 0; display: flex; flex-wrap: wrap; gap: 16px }
figure { margin: 0; width: 160px }
figcaption { font-size: 12px; overflow-wrap: anywhere }
.best { outline: 3px solid #1b9e77; outline-offset: 3px }
</style>
"""


def sheet(found: Duplicates) -> Iterator[str]:
    """The page, group by group: the best one first, and why it is that."""
    yield _HEAD
    yield f"<h1>{len(found.groups)} groups of copies</h1>\n"
    for group in found.groups:
        yield f"<section>{_figure(group.best, _praise(group), 'best')}"
        for copy in group.copies:
            yield _figure(copy.record, f"score {copy.score:.3f}", "copy")
        yield "</section>\n"


def _praise(group: Group) -> str:
    return f"the better one: {group.why}" if group.copies else "the same file in several places"


def _figure(record: Record, about: str, kind: str) -> str:
    places = "<br>".join(escape(file.path) for file in record.files) or escape(record.id)
    size = f"{record.width} × {record.height}, {record.size:,} bytes"
    return (
        f'<figure class="{kind}">{shown(record.path)}'
        f"<figcaption><b>{escape(about)}</b><br>{size}<br>{places}</figcaption></figure>"
    )
