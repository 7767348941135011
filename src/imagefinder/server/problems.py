"""Problem details (RFC 9457): the one form of every error, revealing no path of the server."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from imagefinder._utils.disk_space import is_full
from imagefinder._utils.text import one_line
from imagefinder.errors import (
    CalibrationError,
    DecoderBusy,
    DiskFull,
    EncoderChanged,
    ImageError,
    ImageFinderError,
    MissingExtra,
    NotFound,
    PluginError,
    UnencodableImage,
)
from imagefinder.server.log_config import request_id

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger("imagefinder.server")


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["k"])
    detail: str = Field(examples=["Input should be greater than or equal to 1"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Always `about:blank`: the status is the type.")
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        description="What went wrong, and what to do about it.",
        examples=["damaged or not supported: image file is truncated"],
    )
    request_id: str | None = Field(description="The request's id in the server's log.")
    errors: list[FieldError] | None = Field(description="The invalid fields, if any.")


def problem_response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> JSONResponse:
    """An error response."""
    problem = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id.get(),
        errors=list(errors) or None,
    )
    return JSONResponse(problem.model_dump(), status, headers, media_type=MEDIA_TYPE)


def add_exception_handlers(app: FastAPI) -> None:
    """Turn every exception of routes and framework into a problem document."""
    for kind, handle in _HANDLERS.items():
        app.add_exception_handler(kind, handle)


def problem_of(request: Request, error: Exception) -> JSONResponse:
    """The problem document of an error; raises what is a defect of the server."""
    for kind, handle in _HANDLERS.items():
        if isinstance(error, kind):
            return handle(request, error)
    raise error


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses: what these statuses mean."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def detail_for_client(error: Exception) -> str:
    """What a client is told of an error that is raised on purpose; the log has the rest."""
    if isinstance(error, DecoderBusy) or not isinstance(error, ImageFinderError):
        return one_line(error)
    status, detail = _status_and_detail(error)
    if status >= 500:
        log.error("%s", error)
    return detail


_MEANINGS = {
    400: "The request is malformed",
    401: "The API key is missing or invalid",
    403: "The server or the API key does not allow it",
    404: "There is no such image, model or page",
    405: "The method is not allowed",
    408: "The request did not arrive in time",
    409: "An upgrade is running already",
    410: "The image has no file, or its file has changed",
    412: "It has been changed since (If-Match)",
    413: "The request is too large",
    415: "The body has another media type than is wanted, or is not in UTF-8",
    416: "The requested range is not in the file",
    421: "The host name is not one of the server's",
    422: "A field is invalid, or an image cannot be used",
    429: "Too many requests; Retry-After says when to try again",
    500: "Internal server error",
    503: "The catalogue or its model is unavailable at the moment, or the response takes too long",
    507: "A disk of the server is full",
}

_NO_SPACE = "a disk of the server is full: free some space there"
_PLAIN = {
    404: "not found: see /docs for the available paths",
    405: "method not allowed: see the Allow header",
}
"""For the framework's own errors, which only repeat their titles."""


def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status, detail = error.status_code, str(error.detail)
    if detail == HTTPStatus(status).phrase:
        detail = _PLAIN.get(status, detail)
    return problem_response(status, detail, error.headers)


def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        FieldError(field=".".join(map(str, one["loc"][1:])) or "body", detail=one["msg"])
        for one in error.errors()
    ]
    detail = "; ".join(f"{one.field}: {one.detail}" for one in errors)
    return problem_response(422, detail, errors=errors)


def _handle_our_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DecoderBusy):
        return problem_response(503, str(error), {"Retry-After": "5"})
    if isinstance(error, EncoderChanged):
        request.app.state.opened.catalogues.refresh()
        detail = "the catalogue has just gone over to another encoder: try again"
        return problem_response(503, detail, {"Retry-After": "1"})
    status, detail = _status_and_detail(error)
    if status >= 500:
        log.error("%s", error)
    return problem_response(status, detail)


def _handle_os_error(request: Request, error: Exception) -> JSONResponse:
    if is_full(error):
        log.error("%s", error)
        return problem_response(507, _NO_SPACE)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        log.error("%s", error)
        return problem_response(503, "the server has too many files open", {"Retry-After": "5"})
    raise error


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], JSONResponse]] = {
    HTTPException: _handle_http_exception,
    RequestValidationError: _handle_validation_error,
    ImageFinderError: _handle_our_error,
    OSError: _handle_os_error,
}


def _status_and_detail(error: Exception) -> tuple[int, str]:
    """The client learns what it can correct; trouble with the server's own files is only logged."""
    if isinstance(error, NotFound):
        return 404, str(error)
    if isinstance(error, UnencodableImage):  # a plug-in's own message, which may name a path
        return 422, "the encoder cannot process this image"
    if (
        isinstance(error, ImageError | MissingExtra | CalibrationError)
        or type(error) is PluginError
    ):
        return 422, str(error)
    if isinstance(error, DiskFull):
        return 507, _NO_SPACE
    return 503, "the catalogue is unavailable at the moment"
