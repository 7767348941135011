"""Every command in the documents is one that there is, with the options that it has."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from imagefinder.cli.app import app

from .pages import DOCS, PAGES, ROOT, Block, blocks, inline_code

PROGRAM = typer.main.get_command(app)
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text()
BENCHMARKS = DOCS / "figures.md"
OF_OTHERS = {"--build-arg", "--no-deps"}
OTHERS = {"docker", "export", ".", "ruff", "mypy", "lint-imports", "pg_dump", "systemctl", "pytest"}
INSTALLERS = {"pipx": "install", "uv": "tool"}


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command, without the comments behind it."""
    for line in re.findall(r"^\$ (.+)$", block.text, re.MULTILINE):
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            yield words[: words.index("|")] if "|" in words else words


def parse(command: Any, words: list[str], parent: Any = None) -> None:
    """As the program parses them, without running anything; raises for what it would refuse."""
    context = command.make_context(command.name or "imagefinder", list(words), parent=parent)
    inner = getattr(command, "commands", {})
    rest = [*getattr(context, "_protected_args", ()), *context.args]
    if inner and rest:
        name, *others = rest
        assert name in inner, f"there is no command {name}"
        parse(inner[name], others, context)


def check(words: list[str]) -> None:
    program, *rest = words
    if program == "imagefinder":
        if rest not in (["--version"], ["--help"]):
            parse(PROGRAM, rest)
    elif program == "make":
        check_make(rest)
    elif program == "pip":
        check_pip(rest)
    elif program in INSTALLERS:
        assert rest[0] == INSTALLERS[program]
        check_extras(rest[-1])
    else:
        assert program in OTHERS, f"what is {program}?"


def check_make(words: list[str]) -> None:
    for word in words:
        name, is_variable, _ = word.partition("=")
        pattern = rf"\b{name}\b" if is_variable else rf"^{name}:"
        assert re.search(pattern, MAKEFILE, re.MULTILINE), f"make does not know {word}"


def check_pip(words: list[str]) -> None:
    verb, what = words
    assert verb == "install"
    check_extras(what)


def check_extras(what: str) -> None:
    for names in re.findall(r"\[([\w,]+)\]", what):
        assert set(names.split(",")) <= set(EXTRAS)


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_console_blocks_can_be_typed(block: Block) -> None:
    found = list(commands(block))
    assert found, "a console block has lines that begin with $"
    for words in found:
        check(words)


def spans(start: str) -> list[str]:
    """Inline code that begins so, of all pages."""
    return sorted({span for page in PAGES for span in inline_code(page) if span.startswith(start)})


@pytest.mark.parametrize("span", [*spans("imagefinder "), *spans("make "), *spans("pip ")])
def test_commands_in_the_prose_can_be_typed(span: str) -> None:
    check(shlex.split(span))


def test_options_in_the_prose_are_options() -> None:
    known = {option for command in walk(PROGRAM) for one in command.params for option in one.opts}
    for page in PAGES:
        if page == BENCHMARKS:  # programs of their own
            continue
        for span in inline_code(page):
            named = re.match(r"--[a-z-]+|-[a-z]\b", span)
            assert not named or named[0] in known | OF_OTHERS, f"{page}: {span}"


def test_benchmarks_are_programs_with_these_options() -> None:
    programs = [
        found
        for span in inline_code(BENCHMARKS)
        if (found := re.search(r"benchmarks\.(\w+)", span))
    ]
    assert programs
    for found in programs:
        source = (ROOT / "benchmarks" / f"{found[1]}.py").read_text()
        for option in re.findall(r" (--[\w-]+)", found.string[found.end() :]):
            assert option in source, found.string


def walk(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from walk(inner)
