"""The command-line reference: every command and option, as Markdown, from the typer application."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import typer.main

from imagefinder.cli.app import app

PROGRAM = "imagefinder"


def cli_markdown() -> str:
    """A section for each command, a group before the commands in it."""
    return "\n".join(line for names, command in commands() for line in _section(names, command))


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The names that lead to each command, and the command; the program itself comes first."""
    yield from _walk((), typer.main.get_command(app))


def _walk(names: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _walk((*names, name), inner)


def _section(names: tuple[str, ...], command: Any) -> Iterator[str]:
    full = " ".join((PROGRAM, *names))
    context = command.context_class(command, info_name=full)
    yield f"(cli-{'-'.join(names) or PROGRAM})="
    yield f"{'#' * (1 + max(1, len(names)))} `{full}`"
    yield ""
    yield _prose(command.help or "")
    yield ""
    yield "```text"
    yield _usage(full, command)
    yield "```"
    yield ""
    for title, params in groupby(_shown(command, context), key=_panel):
        yield from _table(title, params, context)


def _usage(full: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    named = [_argument(one) for one in arguments]
    pieces = [
        name if one.required or name.startswith("[") else f"[{name}]"
        for one, name in zip(arguments, named, strict=True)
    ]
    inner = ["COMMAND …"] if getattr(command, "commands", {}) else []
    return " ".join([full, "[OPTIONS]", *pieces, *inner])


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name.upper())
    return f"{name}..." if param.nargs == -1 and not name.endswith("...") else name


def _shown(command: Any, context: Any) -> list[Any]:
    """Parameters that help lists, in its order: by panel, arguments first."""
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    panels = list(dict.fromkeys(map(_panel, shown)))
    panels.sort(key=lambda panel: panel != "arguments")
    return sorted(shown, key=lambda one: panels.index(_panel(one)))


def _panel(param: Any) -> str:
    """The heading under which ``--help`` lists it."""
    if param.param_type_name == "argument":
        return "arguments"
    return str(getattr(param, "rich_help_panel", None) or "options").lower()


def _table(title: str, params: Iterator[Any], context: Any) -> Iterator[str]:
    yield f"| {title} | |"
    yield "|---|---|"
    for param in params:
        names, text = param.get_help_record(context)
        if param.param_type_name == "argument":
            names = _argument(param)
        yield f"| {_code(names)} | {_prose(text)} |"
    yield ""


def _code(text: str) -> str:
    return f"`{text}`".replace("|", r"\|")


def _prose(text: str) -> str:
    """Help text as Markdown: paragraphs stay, what would be markup by accident does not."""
    parts = re.split(r"(`[^`]*`)", text.strip())
    return "".join(
        part.replace("|", r"\|")
        if part.startswith("`")
        else re.sub(r"([|*_<>\[\]])", r"\\\1", part)
        for part in parts
    )
