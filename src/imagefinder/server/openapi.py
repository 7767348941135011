"""The OpenAPI document: what FastAPI makes of the routes, and what holds for all of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from imagefinder.server.problems import MEDIA_TYPE, documented

DESCRIPTION = """\
Find the most similar images.

Every refusal is a problem document (RFC 9457). Each answer has an `X-Request-ID`, under which the
server's log speaks of it."""

EVERYWHERE = documented(401, 408, 413, 421, 422, 429, 500, 503)
"""Answers that any route may give."""


def add_document(app: FastAPI, keys: bool) -> None:
    """Let the application serve it; with ``keys``, it says how they are given."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            _say_what_problems_are(document)
            if keys:
                _say_how_keys_are_given(document)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way


def _say_what_problems_are(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    answer["content"] = {MEDIA_TYPE: answer["content"].pop("application/json")}


def _say_how_keys_are_given(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"bearer": []}, {"header": []}]
