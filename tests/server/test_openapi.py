"""OpenAPI conformance: generated requests get the responses that the document promises."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from imagefinder.server import create_app
from imagefinder.types import key_of

from .conftest import Serve

EXAMPLES = settings().max_examples * 2 // 5  # more where it is fuzzed
PATIENCE = 300  # seconds; a busy machine may take long over a map
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = create_app("no.db").openapi()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.mark.hypothesis
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_everything_is_answered_as_documented(
    path: str, method: str, serve: Serve, folder: Path
) -> None:
    app = serve.app(writable=True, hosts=("*",))
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method]
    image = (folder / "00.jpg").read_bytes()
    id_ = f"{key_of(sha256(image).digest()):016x}"

    @given(case=operation.as_strategy(), real=st.booleans())
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    def check(case: Any, real: bool) -> None:
        if real:
            put(case, image, id_)
        case.call_and_validate(checks=CHECKS, timeout=PATIENCE)

    check()


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> bytes:
    """Any bytes may be lines."""
    return bytes(value) if isinstance(value, bytes | bytearray) else str(value).encode()


def put(case: Any, image: bytes, id_: str) -> None:
    """Insert a real image and a stored id, which random generation would never find."""
    if "id" in case.path_parameters:
        case.path_parameters["id"] = id_
    if case.path == "/v1/search" and isinstance(case.body, dict):
        kept = {field: case.body[field] for field in ("k", "measure") if field in case.body}
        case.body = {**kept, "image": [image], "id": [id_]}
    elif isinstance(case.body, dict) and "image" in case.body:
        case.body["image"] = image


def test_every_answer_has_its_example_or_schema() -> None:
    for path, method in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        assert operation["summary"], path
        for status, answer in operation["responses"].items():
            assert answer["description"], (path, status)
            if int(status) >= 400:
                assert set(answer["content"]) == {"application/problem+json"}, (path, status)
