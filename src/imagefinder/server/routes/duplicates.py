"""Near-duplicate detection: all groups at once, or each as it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from imagefinder.near_duplicates import detect
from imagefinder.near_duplicates.verifiers import Verify
from imagefinder.server.dependencies import CurrentSettings, QueryCatalogue
from imagefinder.server.duplicate_schemas import DuplicateGroup, DuplicatesResponse
from imagefinder.server.duplicates_stream import DuplicatesStream
from imagefinder.server.strict_route import StrictRoute
from imagefinder.types import Progress

router = APIRouter(route_class=StrictRoute, tags=["images"])

_NDJSON = "application/x-ndjson"

Threshold = Annotated[
    float | None,
    Query(
        allow_inf_nan=False,
        description="The minimum score of duplicates; default: the calibrated one.",
    ),
]
Verification = Annotated[Verify, Query(description="What must agree besides the score.")]


@router.get("/v1/duplicates", summary="Find near-duplicates among the stored images")
def list_duplicates(
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    threshold: Threshold = None,
    verify: Verification = "pixels",
    limit: Annotated[int, Query(ge=1, le=1000, description="The maximum number of groups.")] = 100,
) -> DuplicatesResponse:
    """Compare all images with all others, one such request at a time; nothing is deleted.

    A large catalogue takes longer than a request may (503): ask for `/v1/duplicates/stream`, or run
    `imagefinder duplicates`, instead.
    """
    try:
        found = detect.duplicates(
            catalogue.pinned(),
            threshold=threshold,
            verify=verify,
            progress=_stop_at(monotonic() + settings.timeout),
        )
    except TimeoutError:
        raise HTTPException(
            503, "the catalogue is too large for a request: run imagefinder duplicates"
        ) from None
    return DuplicatesResponse(
        threshold=found.threshold,
        verify=found.verify,
        unseen=found.unreadable,
        undecided=found.undecided,
        total=len(found.groups),
        groups=[DuplicateGroup.of(one, settings) for one in found.groups[:limit]],
    )


@router.get(
    "/v1/duplicates/stream",
    summary="Find near-duplicates, and get each group as it is found",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One JSON object a line",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        }
    },
)
def stream_duplicates(
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    threshold: Threshold = None,
    verify: Verification = "pixels",
) -> StreamingResponse:
    """First `{"begun": …}`, then `{"group": …}` for each group, at last `{"finished": …}`.

    Identical files come first, which are known at once; an image among them may come again, in a
    group with copies. `{"share": …}` says now and then how far it is, `{"error": …}` why it ended
    early. The groups are those of `/v1/duplicates`. It may take as long as it takes, and ends when
    the client goes.
    """
    stream = DuplicatesStream(catalogue.pinned(), threshold, verify, settings)
    lines = stream.begin(settings.timeout / 2)
    texts = (line.model_dump_json(exclude_unset=True) + "\n" for line in lines)
    return StreamingResponse(texts, media_type=_NDJSON, headers={"Cache-Control": "no-store"})


def _stop_at(deadline: float) -> Progress:
    """Raise TimeoutError at the deadline, when the client no longer waits."""

    def progress(steps: Iterable[Any]) -> Iterator[Any]:
        for step in steps:
            if monotonic() > deadline:
                raise TimeoutError
            yield step

    return progress
