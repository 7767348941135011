"""Errors as OpenAI's clients read them: problem documents that have the member ``error`` as well.

RFC 9457 lets a problem document have members of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from imagefinder.errors import ImageFinderError
from imagefinder.server.problems import MEDIA_TYPE, problem_of
from imagefinder.server.strict_route import StrictRoute

_CODES = {404: "model_not_found"}


class OpenAiRoute(StrictRoute):
    """A route whose errors OpenAI's clients understand."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handle_as_openai(request: Request) -> Response:
            try:
                return await handle(request)
            except (HTTPException, RequestValidationError, ImageFinderError) as error:
                return _with_error(problem_of(request, error))

        return handle_as_openai


def _with_error(problem: Response) -> Response:
    document = json.loads(bytes(problem.body))
    status = problem.status_code
    document["error"] = {
        "message": document["detail"],
        "type": "server_error" if status >= 500 else "invalid_request_error",
        "param": None,
        "code": _CODES.get(status),
    }
    headers = {
        name: value
        for name, value in problem.headers.items()
        if name not in ("content-length", "content-type")
    }
    return JSONResponse(document, status, headers, media_type=MEDIA_TYPE)
