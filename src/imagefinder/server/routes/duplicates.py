"""Near-duplicate detection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from imagefinder.near_duplicates import detect, groups
from imagefinder.near_duplicates.verifiers import Verify
from imagefinder.server.dependencies import CurrentSettings, QueryCatalogue
from imagefinder.server.schemas import (
    DuplicateGroup,
    DuplicateImage,
    DuplicatesResponse,
    EvidenceInfo,
    ImageInfo,
)
from imagefinder.server.strict_route import StrictRoute
from imagefinder.types import Progress

router = APIRouter(route_class=StrictRoute, tags=["images"])


@router.get("/v1/duplicates", summary="Find near-duplicates among the stored images")
def list_duplicates(
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    threshold: Annotated[
        float | None,
        Query(
            allow_inf_nan=False,
            description="The minimum score of duplicates; default: the calibrated one.",
        ),
    ] = None,
    verify: Annotated[Verify, Query(description="What must agree besides the score.")] = "pixels",
    limit: Annotated[int, Query(ge=1, le=1000, description="The maximum number of groups.")] = 100,
) -> DuplicatesResponse:
    """Compare all images with all others, one such request at a time; nothing is deleted.

    A large catalogue takes longer than a request may (503): run `imagefinder duplicates` instead.
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
        groups=[_group(group) for group in found.groups[:limit]],
    )


def _stop_at(deadline: float) -> Progress:
    """Raise TimeoutError at the deadline, when the client no longer waits."""

    def progress(steps: Iterable[Any]) -> Iterator[Any]:
        for step in steps:
            if monotonic() > deadline:
                raise TimeoutError
            yield step

    return progress


def _group(group: groups.DuplicateGroup) -> DuplicateGroup:
    copies = [
        DuplicateImage(
            **ImageInfo.of(copy.record).model_dump(),
            score=copy.score,
            verdict=copy.verification.verdict,
            probability=copy.verification.probability,
            match=copy.verification.is_match,
            evidence=EvidenceInfo(**asdict(copy.verification.evidence)),
            why=list(copy.why),
        )
        for copy in group.copies
    ]
    return DuplicateGroup(
        best=ImageInfo.of(group.best), why=group.why, spare_bytes=group.spare_bytes, copies=copies
    )
