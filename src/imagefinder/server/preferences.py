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


def minimal(prefer: str | None) -> Response | None:
    """An answer without content, if the client prefers that."""
    wishes = {wish.split(";")[0].strip().lower() for wish in (prefer or "").split(",")}
    if "return=minimal" not in wishes:
        return None
    return Response(status_code=204, headers={"Preference-Applied": "return=minimal"})
