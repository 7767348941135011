"""A stand-in for Google Cloud Storage: its XML API differs from S3's, here moto's, by headers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
_COPY = "COPY_SOURCE"


class GoogleStorage:
    """Translates what the client of the XML API sends."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["HTTP_AUTHORIZATION"] = _SIGNED
        if environ.get("HTTP_X_GOOG_IF_GENERATION_MATCH") == "0":
            environ["HTTP_IF_NONE_MATCH"] = "*"
        if source := environ.get(f"HTTP_X_GOOG_{_COPY}"):
            environ[f"HTTP_X_AMZ_{_COPY}"] = source
        answer: Iterable[bytes] = self._s3(
            environ,
            lambda status, headers, *more: start(
                status, [*headers, ("x-goog-generation", "1")], *more
            ),
        )
        return answer


if __name__ == "__main__":
    app = GoogleStorage(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
