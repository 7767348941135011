"""The HTTP reference: every route, field and response, as Markdown, from the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from imagefinder.server import create_app
from imagefinder.server.openapi import COMMON_RESPONSES

Schema = Mapping[str, Any]


def http_markdown() -> str:
    """Routes in the order of the application, then the schemas of their responses."""
    document = create_app("none.db").openapi()
    schemas = document["components"]["schemas"]
    return "\n".join((*_everywhere(), *_routes(document, schemas), *_schemas(schemas)))


def _everywhere() -> Iterator[str]:
    yield "## Errors of any route"
    yield ""
    yield "They are [problem documents](#http-problem) (RFC 9457)."
    yield ""
    yield from _answers(COMMON_RESPONSES)


def _routes(document: Schema, schemas: Schema) -> Iterator[str]:
    yield "## Routes"
    yield ""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from _route(method.upper(), path, operation, schemas)


def _route(method: str, path: str, operation: Schema, schemas: Schema) -> Iterator[str]:
    yield f"### {method} {path}"
    yield ""
    yield f"{operation['summary']}. {operation.get('description', '')}"
    yield ""
    yield from _fields("parameter", _parameters(operation))
    yield from _fields("form field", _form(operation, schemas))
    yield from _other_bodies(operation)
    common = {str(status) for status in COMMON_RESPONSES}
    own = {code: one for code, one in operation["responses"].items() if code not in common}
    yield from _answers(own)


def _answers(answers: Mapping[Any, Schema]) -> Iterator[str]:
    yield "| status | response |"
    yield "|---|---|"
    for status, answer in sorted(answers.items()):
        yield f"| {status} | {_cell(answer['description'])}{_body(answer)} |"
    yield ""


def _parameters(operation: Schema) -> Iterator[tuple[str, Schema, bool]]:
    for one in operation.get("parameters", ()):
        about = {"description": one.get("description", ""), **one["schema"]}
        yield one["name"], _given(about), one.get("required", False)


def _form(operation: Schema, schemas: Schema) -> Iterator[tuple[str, Schema, bool]]:
    for _, schema in _bodies(operation):
        if "$ref" in schema:
            for name, about, required in _properties(schemas[_name(schema)]):
                yield name, _given(about), required


def _other_bodies(operation: Schema) -> Iterator[str]:
    """What is no form, in words."""
    of_all = operation.get("requestBody", {}).get("description", "")
    for media_type, schema in _bodies(operation):
        if "$ref" not in schema:
            yield f"The body is `{media_type}`. {schema.get('description', of_all)}"
            yield ""


def _bodies(operation: Schema) -> Iterator[tuple[str, Schema]]:
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        yield media_type, body["schema"]


def _given(schema: Schema) -> Schema:
    """Without the null that stands for what is not sent."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return {**kinds[0], "description": schema.get("description", "")} if kinds else schema


def _properties(schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
    for name, about in schema.get("properties", {}).items():
        yield name, about, name in schema.get("required", ())


def _fields(title: str, fields: Iterator[tuple[str, Schema, bool]]) -> Iterator[str]:
    rows = list(fields)
    if not rows:
        return
    yield f"| {title} | type | |"
    yield "|---|---|---|"
    for name, about, required in rows:
        needed = "Required. " if required else ""
        yield f"| `{name}` | {_type(about)} | {needed}{_cell(about.get('description', ''))} |"
    yield ""


def _schemas(schemas: Schema) -> Iterator[str]:
    yield "## Schemas"
    yield ""
    for name, schema in schemas.items():
        if name.endswith("Form"):
            continue  # a form, listed with its route
        yield f"(http-{name.lower()})="
        yield f"### {name}"
        yield ""
        yield schema.get("description", "")
        yield ""
        yield from _fields("field", ((name, one, False) for name, one, _ in _properties(schema)))


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _link(schema)
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    kind = str(schema.get("type", "any"))
    return {"string": _text(schema), "null": "null"}.get(kind, kind) + _default(schema)


def _text(schema: Schema) -> str:
    return "file" if schema.get("format") == "binary" else "string"


def _default(schema: Schema) -> str:
    return f", default `{json.dumps(schema['default'])}`" if schema.get("default") else ""


def _body(answer: Schema) -> str:
    schemas = [one.get("schema", {}) for one in answer.get("content", {}).values()]
    linked = [_type(one) for one in schemas if one]
    return f": {', '.join(linked)}" if linked else ""


def _link(schema: Schema) -> str:
    name = _name(schema)
    return f"[{name}](#http-{name.lower()})"


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
