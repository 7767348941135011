"""Commands whose help is easy to read (flags without a type, paragraphs that wrap).

They take no empty values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from typing import TypeAlias

    Parameters: TypeAlias = list[Any]


class Command(TyperCommand):
    """A verb."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The help of a docstring is wrapped anew."""
        super().__init__(*args, **kwargs)
        self.help = _unwrapped(self.help)
        _refuse_empty(self.params)

    def get_params(self, ctx: Any) -> Parameters:
        """All parameters, with no more about their types than a reader needs."""
        return _tidied(super().get_params(ctx))


class Group(TyperGroup):
    """A verb with verbs of its own, or the whole program."""

    def __init__(self, **kwargs: Any) -> None:
        """The help of a docstring is wrapped anew."""
        super().__init__(**kwargs)
        self.help = _unwrapped(self.help)
        _refuse_empty(self.params)

    def get_params(self, ctx: Any) -> Parameters:
        """All parameters, with no more about their types than a reader needs."""
        return _tidied(super().get_params(ctx))


def _unwrapped(help_text: str | None) -> str | None:
    """Each paragraph on one line: Typer keeps the line breaks of a docstring."""
    if help_text is None:
        return None
    return "\n\n".join(" ".join(part.split()) for part in help_text.split("\n\n"))


def _tidied(params: Parameters) -> Parameters:
    for param in params:
        if isinstance(param, TyperArgument):
            param.display_type_rich = _no_type  # type: ignore[method-assign]  # no option hides it
        elif isinstance(param, TyperOption) and param.is_flag and param.metavar is None:
            param.metavar = ""  # instead of <bool>
    return params


def _no_type(ctx: Any) -> None:
    """An argument's name says what it is."""


def _refuse_empty(params: Parameters) -> None:
    """Of options and arguments, unless empty is their default.

    An empty path would mean the current folder, and in a script it is likely an unset variable.
    """
    for param in params:
        if param.default != "":
            param.process_value = _checked(param.process_value)


def _checked(process_value: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def process(ctx: Any, value: Any) -> Any:
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise typer.BadParameter("it is empty: give it a value, or leave it out")
        return process_value(ctx, value)

    return process
