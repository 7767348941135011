"""Groups of options: a dataclass, each field of which is an option of every verb that takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def takes_option_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the fields of dataclasses as options, in place of the parameters of their type.

    Where it has an option of the same name, both are one.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, Any] = {n: kind for n, kind in hints.items() if is_dataclass(kind)}
    own = [name for name in inspect.signature(verb).parameters if name not in groups]
    parameters = [
        option
        for parameter in inspect.signature(verb).parameters.values()
        for option in _options(parameter, hints[parameter.name], own)
    ]

    @wraps(verb)
    def with_options(**given: Any) -> None:
        made = {
            name: kind(**{field.name: given[field.name] for field in fields(kind)})
            for name, kind in groups.items()
        }
        verb(**{name: given[name] for name in own}, **made)

    # read by Typer
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_options


def _options(parameter: inspect.Parameter, kind: Any, own: list[str]) -> list[inspect.Parameter]:
    """The parameter itself, or the fields of its group that the verb does not have already."""
    if not is_dataclass(kind):
        return [parameter.replace(annotation=kind)]
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name, parameter.kind, default=_default(field), annotation=hints[field.name]
        )
        for field in fields(kind)
        if field.name not in own
    ]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
