"""The OpenAPI document: FastAPI's, with problem documents and API keys added."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from imagefinder.server.problems import MEDIA_TYPE, error_responses

DESCRIPTION = """\
Image similarity search.

Errors are problem documents (RFC 9457). Every response has an `X-Request-ID`, which also identifies
the request in the server's log.

Operations on images and searches refuse query parameters and form fields that they do not have
(422), unless the name begins with an underscore."""

COMMON_RESPONSES = error_responses(401, 408, 413, 415, 421, 422, 429, 500, 503, 507)
"""Errors that any route may return."""


def customize_openapi(app: FastAPI, api_keys: bool) -> None:
    """Extend the document that ``app`` serves; ``api_keys`` adds the security schemes."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _set_problem_media_type(document)
            if api_keys:
                _add_security_schemes(document)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


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
