"""Every refusal is a problem document (RFC 9457), and names no path of the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from imagefinder.errors import (
    CalibrationError,
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


class Fault(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["k"])
    detail: str = Field(examples=["Input should be greater than or equal to 1"])


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(description="`about:blank`: the status says all.")
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        description="What to do about it.",
        examples=["damaged or not supported: image file is truncated"],
    )
    request_id: str | None = Field(description="Under which the server's log speaks of it.")
    errors: list[Fault] | None = Field(description="The fields at fault, if it is those.")


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Fault] = (),
) -> JSONResponse:
    """The answer to a request that is refused."""
    about = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id.get(),
        errors=list(errors) or None,
    )
    content = about.model_dump()
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Let the application answer by problem documents, whoever raises."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ImageFinderError, _failed)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the documentation of a route: what these statuses mean there."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


_MEANINGS = {
    400: "The request cannot be read",
    401: "An API key is missing or wrong",
    403: "The server, or the key, does not allow it",
    404: "There is no such image, or page",
    405: "The method is another one",
    408: "The request did not arrive in time",
    410: "The image has no file, or the file has changed",
    413: "The request is too large",
    416: "The file has no such part",
    421: "The server does not go by this name",
    422: "A field is wrong, or an image cannot be used",
    429: "Too many requests; Retry-After says when to go on",
    500: "The server is at fault",
    503: "The catalogue or its model cannot be used at the moment, or the answer takes too long",
}

_PLAIN = {
    404: "there is nothing at this address: /docs says what there is",
    405: "this address has other methods: Allow names them",
}
"""For the framework's own refusals, which only repeat their titles."""


def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status, detail = error.status_code, str(error.detail)
    if detail == HTTPStatus(status).phrase:
        detail = _PLAIN.get(status, detail)
    return problem(status, detail, error.headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [
        Fault(field=".".join(map(str, fault["loc"][1:])) or "body", detail=fault["msg"])
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in faults)
    return problem(422, detail, errors=faults)


def _failed(request: Request, error: Exception) -> JSONResponse:
    status, detail = _told(error)
    if status == 503:
        log.error("%s", error)
    return problem(status, detail)


_TOLD = (ImageError, MissingExtra, CalibrationError)


def _told(error: Exception) -> tuple[int, str]:
    """What the sender can mend is told; what has become of the server's files is for its log."""
    if isinstance(error, NotFound):
        return 404, str(error)
    if isinstance(error, UnencodableImage):  # in an encoder's own words, which may name anything
        return 422, "the encoder makes nothing of this image"
    if (
        isinstance(error, ImageError | MissingExtra | CalibrationError)
        or type(error) is PluginError
    ):
        return 422, str(error)
    return 503, "the catalogue cannot be used at the moment"
