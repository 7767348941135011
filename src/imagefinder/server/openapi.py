"""The OpenAPI document: FastAPI's, in the form that client generators understand.

Each operation has the name of its route's function, each form a name of its own, each file the
format ``binary``. Problem documents and API keys are added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from imagefinder.server.batch_schemas import DeletedImage, LineReport, NewImage, ReportEnd
from imagefinder.server.problems import MEDIA_TYPE, error_responses

DESCRIPTION = """\
Image similarity search.

Errors are problem documents (RFC 9457). Every response has an `X-Request-ID`, which also identifies
the request in the server's log.

Operations on images and searches refuse query parameters and form fields that they do not have
(422), unless the name begins with an underscore."""

COMMON_RESPONSES = error_responses(401, 408, 413, 415, 421, 422, 429, 500, 503, 507)
"""Errors that any route may return."""


_LINES = (NewImage, DeletedImage, LineReport, ReportEnd)
_FORM = re.compile(r"(?<=#/components/schemas/)Body_(\w+)")
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}


def operation_id(route: APIRoute) -> str:
    """What generated clients call the operation."""
    return route.name


def customize_openapi(app: FastAPI, api_keys: bool) -> None:
    """Extend the document that ``app`` serves; ``api_keys`` adds the security schemes."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _name_forms(document)
            _describe_forms(document)
            _set_problem_media_type(document)
            _add_lines(document)
            if api_keys:
                _add_security_schemes(document)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _add_lines(document: dict[str, Any]) -> None:
    """Schemas of lines, for which there is no place in this version of OpenAPI but their names."""
    _, found = models_json_schema(
        [(model, "validation") for model in _LINES], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] |= found["$defs"]


def _name_forms(document: dict[str, Any]) -> None:
    """``Body_add_image`` becomes ``AddImageForm``."""
    schemas = document["components"]["schemas"]
    renamed = {_form_name(name.removeprefix("Body_")): name for name in schemas if "Body_" in name}
    for name, former in renamed.items():
        schemas[name] = {**schemas.pop(former), "title": name}
    for node in _nodes(document):
        if "$ref" in node:
            node["$ref"] = _FORM.sub(lambda found: _form_name(found[1]), node["$ref"])


def _form_name(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_")) + "Form"


def _describe_forms(document: dict[str, Any]) -> None:
    """A form's files are binary, and what it leaves out is not null: no form can hold that."""
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Form"):
            for about in schema["properties"].values():
                _remove_null(about)
    for node in _nodes(document):
        if _FILE.items() <= node.items():
            del node["contentMediaType"]
            node["format"] = "binary"


def _remove_null(about: dict[str, Any]) -> None:
    kinds = [one for one in about.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1:
        del about["anyOf"]
        about.update(kinds[0])


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document."""
    if isinstance(document, dict):
        yield document
    children = document.values() if isinstance(document, dict) else document
    for child in children:
        if isinstance(child, dict | list):
            yield from _nodes(child)


def _set_problem_media_type(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {MEDIA_TYPE: response["content"].pop("application/json")}


def _add_security_schemes(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"bearer": []}, {"header": []}]
