"""Empty values, as of an unset variable of a script: no option and no argument takes one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from imagefinder.cli.app import app

PROGRAM: Any = get_command(app)


def with_an_empty_value(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of the command with each of its parameters empty, and those of its verbs."""
    for param in command.params:
        if getattr(param, "is_flag", False) or param.default == "":
            continue
        is_option = param.param_type_name == "option"
        yield (*words, param.opts[-1], "") if is_option else (*words, "")
    for name, verb in getattr(command, "commands", {}).items():
        yield from with_an_empty_value(verb, *words, name)


EMPTY = list(with_an_empty_value(PROGRAM))


def test_the_walk_reaches_paths_of_every_kind() -> None:
    assert len(EMPTY) > 200
    for words in (("serve", "--root", ""), ("keys", "add", "--keys", ""), ("sync", "")):
        assert words in EMPTY


def test_no_option_and_no_argument_takes_an_empty_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in EMPTY:
        with pytest.raises(typer.BadParameter, match="it is empty"):
            PROGRAM.main(list(words), standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


def test_one_empty_value_among_others_is_not_passed_over() -> None:
    result = CliRunner().invoke(app, ["add", "here", "", "there"])
    assert (result.exit_code, "it is empty" in result.output) == (2, True)


def test_where_empty_is_the_default_it_is_taken(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.db")
    result = CliRunner().invoke(app, ["serve", "--root-path", "", "--db", missing])
    assert "it is empty" not in result.output
