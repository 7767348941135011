"""Searching."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from imagefinder.errors import ImageFinderError
from imagefinder.server import forms
from imagefinder.server.catalogues import Catalogue
from imagefinder.server.dependencies import Allowed, AskedByForm
from imagefinder.server.problems import documented
from imagefinder.server.schemas import Answer, Found
from imagefinder.similarity import dtype
from imagefinder.types import Measure

MAX_K = 1000

router = APIRouter(tags=["search"])


@router.post(
    "/v1/search",
    summary="Find the most similar images",
    responses=documented(400, 403, 404, 410),
)
def search(
    catalogue: AskedByForm,
    settings: Allowed,
    image: Annotated[
        list[UploadFile] | None,
        File(description="The image to search with; several are searched with together."),
    ] = None,
    id: Annotated[  # noqa: A002  the field's name
        list[str] | None, Form(description="A stored image to search with; repeatable.")
    ] = None,
    url: Annotated[
        list[str] | None,
        Form(description="The address of an image, if this server fetches; repeatable."),
    ] = None,
    text: Annotated[
        str | None,
        Form(
            description="Words, alone or beside an image, with an encoder that knows them.",
            max_length=1000,
        ),
    ] = None,
    minus: Annotated[
        list[UploadFile] | None, File(description="An image to turn away from; repeatable.")
    ] = None,
    minus_id: Annotated[
        list[str] | None, Form(description="A stored image to turn away from; repeatable.")
    ] = None,
    crop: Annotated[
        str | None,
        Form(
            description="The part to search with: left, top, width and height in pixels.",
            examples=["410,220,180,260"],
        ),
    ] = None,
    k: Annotated[int, Form(ge=1, le=MAX_K, description="How many.")] = 3,
    threshold: Annotated[
        float | None, Form(allow_inf_nan=False, description="Leave out what scores less.")
    ] = None,
    matches_only: Annotated[
        bool, Form(description="Leave out what is no match, in a catalogue that is calibrated.")
    ] = False,
    where: Annotated[
        str | None,
        Form(
            description="Only images with this metadata, an object of JSON.",
            examples=['{"room": "kitchen"}'],
        ),
    ] = None,
    measure: Annotated[
        list[Measure] | None,
        Form(description="In place of the encoder's own; several are fused by their ranks."),
    ] = None,
    rerank: Annotated[
        Literal["mutual", "geometric"] | None,
        Form(description="Let local features decide, where the catalogue keeps them."),
    ] = None,
) -> Answer:
    """Upload an image, name a stored one, or say it in words; the most similar come back first.

    A stored image finds itself first. An image that cannot be used is refused with the reason.
    """
    part = forms.box(crop)
    given = forms.images if part is None else forms.contents  # a part is cut out of a file
    with_ = given(catalogue, image, id, url, settings.fetch)
    away = forms.images(catalogue, minus, minus_id, None, None)
    if not with_ and not text:
        raise HTTPException(422, "give an image (image, id or url), or a text, to search with")
    _check(catalogue, measure or [])
    try:
        hits = catalogue.searched.search(
            with_,
            k,
            minus=away,
            text=text or None,
            crop=part,
            measures=list(dict.fromkeys(measure or ())),
            rerank=rerank,
            threshold=threshold,
            matches_only=matches_only,
            where=forms.conditions(where),
        )
    except ImageFinderError:
        raise
    except ValueError as error:  # what cannot go together
        raise HTTPException(422, str(error)) from error
    names = [*(one.filename or "" for one in image or ()), *(id or ()), *(url or ())]
    return Answer(
        query=", ".join([*names, *([text] if text else [])]) or None,
        encoder=catalogue.name,
        hits=[Found.of(hit) for hit in hits],
        matches=hits.match_ids,
    )


def _check(catalogue: Catalogue, measures: list[Measure]) -> None:
    own = catalogue.finder.recipe.measure
    if any(dtype(one) != dtype(own) for one in measures):
        raise HTTPException(422, f"measure: vectors for {own} cannot be compared by others")
