"""Images that are there more than once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from imagefinder.near_duplicates.detect import Group, Verify, duplicates
from imagefinder.server.dependencies import Allowed, Asked
from imagefinder.server.schemas import Copies, ImageInfo, Kin, Twin

router = APIRouter(tags=["images"])

_one = Lock()


@router.get("/v1/duplicates", summary="Find copies among the stored images")
def list_duplicates(
    catalogue: Asked,
    settings: Allowed,
    threshold: Annotated[
        float | None,
        Query(
            allow_inf_nan=False,
            description="The score that copies reach; a catalogue that is calibrated knows it.",
        ),
    ] = None,
    verify: Annotated[Verify, Query(description="What they must agree in besides.")] = "pixels",
    limit: Annotated[int, Query(ge=1, le=1000, description="Groups at most.")] = 100,
) -> Copies:
    """Compares all images with all, one such request at a time; nothing is deleted.

    A large catalogue takes longer than a request may (503): `imagefinder duplicates` has the time.
    """
    if not _one.acquire(blocking=False):
        raise HTTPException(503, "another such request is at work", {"Retry-After": "5"})
    try:
        found = duplicates(
            catalogue.finder,
            threshold=threshold,
            verify=verify,
            progress=_until(monotonic() + settings.timeout),
        )
    except TimeoutError:
        raise HTTPException(
            503, "the catalogue is too large for a request: run imagefinder duplicates"
        ) from None
    finally:
        _one.release()
    return Copies(
        threshold=found.threshold,
        verify=found.verify,
        unseen=found.unseen,
        total=len(found.groups),
        groups=[_told(group) for group in found.groups[:limit]],
    )


def _until(end: float) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Goes through the work, and gives up when nobody waits for it any more."""

    def progress(steps: Iterable[Any]) -> Iterator[Any]:
        for step in steps:
            if monotonic() > end:
                raise TimeoutError
            yield step

    return progress


def _told(group: Group) -> Kin:
    copies = [
        Twin(**ImageInfo.of(copy.record).model_dump(), score=copy.score) for copy in group.copies
    ]
    return Kin(best=ImageInfo.of(group.best), why=group.why, copies=copies)
