"""Pages with a part that is made from the code whenever they are built: the CLI, the HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cli_reference import cli_markdown
from http_reference import http_markdown
from sphinx.application import Sphinx

MARKER = "<!-- generated -->"
PAGES: dict[str, Callable[[], str]] = {
    "reference/cli": cli_markdown,
    "reference/http": http_markdown,
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", lambda *_: list(PAGES))
    return {"parallel_read_safe": True}


def _fill(_app: Sphinx, page: str, source: list[str]) -> None:
    if page in PAGES:
        head, marker, tail = source[0].partition(MARKER)
        if not marker:
            raise ValueError(f"{page}.md has no line {MARKER}")
        source[0] = f"{head}{PAGES[page]()}{tail}"
