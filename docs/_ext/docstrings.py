"""Docstrings as reStructuredText: indented lines are code, and names of type aliases are links."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_config_value("alias_homes", {}, "env", dict)
    app.connect("autodoc-process-docstring", _as_markup)
    app.connect("missing-reference", _link_alias)
    return {"parallel_read_safe": True}


def _as_markup(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    # a page about a module has an introduction of its own
    lines[:] = [] if what == "module" else _separated(_marked(lines))


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


def _separated(lines: list[str]) -> list[str]:
    """A literal that a letter follows, as in ``force``d, needs a separator."""
    text = re.sub(r"(``[^`]+``)(\w?)", _with_separator, "\n".join(lines))
    return text.split("\n")


def _with_separator(found: re.Match[str]) -> str:
    literal, letter = found.groups()
    return f"{literal}\\ {letter}" if letter else literal


def _link_alias(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """From the bare name of an alias to where it is documented."""
    home = app.config.alias_homes.get(node.get("reftarget"))
    if home is None:
        return None
    page = node.get("refdoc", "")
    return env.get_domain("py").resolve_xref(env, page, app.builder, "data", home, node, text)
