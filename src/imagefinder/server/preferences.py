"""What a client prefers of an answer (RFC 7240)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Response

Prefer = Annotated[
    str | None,
    Header(
        description="`return=minimal`: an answer without the record.", examples=["return=minimal"]
    ),
]

MINIMAL: dict[int | str, dict[str, Any]] = {
    204: {"description": "Done; what `Prefer: return=minimal` asks for"}
}


def minimal(prefer: str | None, response: Response) -> Response | None:
    """An answer with the headers of the response, but no content, if the client prefers that."""
    wishes = {wish.split(";")[0].strip().lower() for wish in (prefer or "").split(",")}
    if "return=minimal" not in wishes:
        return None
    headers = {**response.headers, "Preference-Applied": "return=minimal"}
    return Response(status_code=204, headers=headers)
