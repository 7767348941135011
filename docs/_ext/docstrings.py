"""Docstrings as reStructuredText: what is indented in them is code, a module's own is left out."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _as_markup)
    return {"parallel_read_safe": True}


def _as_markup(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    # a page about a module has an introduction of its own
    lines[:] = [] if what == "module" else [_separated(line) for line in _marked(lines)]


def _marked(lines: list[str]) -> list[str]:
    """With ``::`` before each indented block that follows an empty line."""
    marked: list[str] = []
    for line in lines:
        if line.startswith("    ") and marked and not marked[-1] and not _in_block(marked):
            marked += ["::", ""]
        marked.append(line)
    return marked


def _in_block(marked: list[str]) -> bool:
    before = next((line for line in reversed(marked) if line), "")
    return before.startswith("    ") or before == "::"


def _separated(line: str) -> str:
    """A literal that a letter follows, as in ``force``d, needs a separator."""
    return re.sub(r"(``[^`]+``)(?=\w)", r"\1\\ ", line)
