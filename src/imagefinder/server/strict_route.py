"""Strict routes: a name that a route does not know is an error, not passed over in silence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from functools import cached_property
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

_MAX_SHOWN = 60
_MAX_DETAILS = 5


class StrictRoute(APIRoute):
    """A route that refuses query parameters that it does not have.

    Names that begin with an underscore are anyone's: jQuery sends ``_`` against caches, browsers
    send ``_charset_``.
    """

    @cached_property
    def parameters(self) -> list[str]:
        """The names of its query parameters."""
        return sorted({one.alias for part in _parts(self.dependant) for one in part.query_params})

    @cached_property
    def fields(self) -> list[str]:
        """The names of its form's fields."""
        return sorted({name for part in _parts(self.dependant) for name in _field_names(part)})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            _check(request.query_params, self.parameters, "query parameter", self.fields)
            return await handle(request)

        return handle_known


def check_fields(given: Iterable[str], known: Collection[str]) -> None:
    """Raises HTTPException for names that are no fields of a form."""
    _check(given, known, "field")


def _check(
    given: Iterable[str], known: Collection[str], kind: str, fields: Collection[str] = ()
) -> None:
    takes = f"no such {kind}: there are {', '.join(known)}" if known else f"there is no {kind} here"
    details = [
        f"{name[:_MAX_SHOWN]}: {'send it as a field of the form' if name in fields else takes}"
        for name in dict.fromkeys(given)
        if name not in known and not name.startswith("_")
    ]
    if details:
        raise HTTPException(422, "; ".join(details[:_MAX_DETAILS]))


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    """A route's own declaration, and those of what it depends on."""
    yield dependant
    for one in dependant.dependencies:
        yield from _parts(one)


def _field_names(part: Dependant) -> Iterator[str]:
    for one in part.body_params:
        declared = one.field_info.annotation
        if isinstance(declared, type) and issubclass(declared, BaseModel):
            yield from declared.model_fields
        else:
            yield one.alias
