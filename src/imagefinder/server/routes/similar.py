"""Images like a stored one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from imagefinder.search.hits import Hits
from imagefinder.server.dependencies import CurrentSettings, QueryCatalogue, StoredRecord
from imagefinder.server.forms import FILTER_EXAMPLES, FILTER_HELP, parse_filter
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import SearchHit, SearchResponse
from imagefinder.server.search_form import MAX_K
from imagefinder.server.strict_route import StrictRoute
from imagefinder.types import Record

router = APIRouter(route_class=StrictRoute, tags=["search"])


@router.get(
    "/v1/images/{id}/similar",
    summary="Find images like a stored one",
    responses=error_responses(404),
)
def similar_images(
    record: StoredRecord,
    catalogue: QueryCatalogue,
    settings: CurrentSettings,
    k: Annotated[int, Query(ge=1, le=MAX_K, description="The maximum number of hits.")] = 10,
    where: Annotated[str | None, Query(description=FILTER_HELP, examples=FILTER_EXAMPLES)] = None,
) -> SearchResponse:
    """As a search with its id, but without the image itself."""
    conditions = parse_filter(where)
    hits = _without(record, catalogue.finder.search(record, k=k + 1, where=conditions), k)
    if conditions and not hits and hits.detail is None:
        hits.detail = "only the image itself passes the filter"
    return SearchResponse(
        query=record.id,
        encoder=catalogue.name,
        hits=[SearchHit.of(hit, settings) for hit in hits],
        matches=hits.match_ids,
        detail=hits.detail,
    )


def _without(record: Record, found: Hits, k: int) -> Hits:
    others = [hit for hit in found if hit.id != record.id][:k]
    hits = Hits(replace(hit, rank=rank) for rank, hit in enumerate(others, 1))
    hits.detail = found.detail
    return hits
