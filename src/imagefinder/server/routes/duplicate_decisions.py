"""What people decide about near-duplicates: images that are none, and files to remove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Response

from imagefinder.images.inputs import is_storable
from imagefinder.near_duplicates import decisions
from imagefinder.near_duplicates.removal_script import removal_script
from imagefinder.near_duplicates.selection import Selection, Superfluous
from imagefinder.server.dependencies import (
    CurrentSettings,
    FormCatalogue,
    QueryCatalogue,
    WriteAccess,
)
from imagefinder.server.duplicate_schemas import (
    DecisionsResponse,
    RemovableFile,
    RemovableFiles,
)
from imagefinder.server.form_data import ImagesFormRoute
from imagefinder.server.problems import error_responses
from imagefinder.types import Record, Store

router = APIRouter(route_class=ImagesFormRoute, tags=["images"])

_SCRIPT = "text/x-shellscript"
_CHOSEN = ("chosen by hand",)

_IDS = "The images, by their ids; repeat it."
Ids = Annotated[list[str], Query(min_length=2, max_length=64, description=_IDS)]
FormIds = Annotated[list[str], Form(min_length=2, max_length=64, description=_IDS)]


@router.get("/v1/duplicates/decisions", summary="List the images that are said to be no duplicates")
def list_decisions(catalogue: QueryCatalogue) -> DecisionsResponse:
    """A search for near-duplicates puts no two of a set into one group."""
    return DecisionsResponse(decisions=decisions.decisions(catalogue.finder.store).ids)


@router.post(
    "/v1/duplicates/decisions",
    summary="Remember that images are no duplicates of each other",
    responses=error_responses(403, 404),
    dependencies=[WriteAccess],
)
def remember_decision(catalogue: FormCatalogue, id: FormIds) -> DecisionsResponse:  # noqa: A002
    """Kept in the catalogue, for all who search it."""
    try:
        known = decisions.remember(catalogue.finder.store, id)
    except ValueError as error:
        raise HTTPException(422, f"id: {error}") from error
    return DecisionsResponse(decisions=known.ids)


@router.delete(
    "/v1/duplicates/decisions",
    summary="Take back that images are no duplicates of each other",
    responses=error_responses(403, 404),
    dependencies=[WriteAccess],
)
def withdraw_decision(catalogue: QueryCatalogue, id: Ids) -> DecisionsResponse:  # noqa: A002
    """Only what was said of just these images."""
    return DecisionsResponse(decisions=decisions.withdraw(catalogue.finder.store, id).ids)


@router.post(
    "/v1/duplicates/script",
    summary="Make a shell script that removes files",
    response_class=Response,
    responses={
        200: {"description": "The script", "content": {_SCRIPT: {"schema": {"type": "string"}}}},
        **error_responses(403, 404),
    },
)
def make_removal_script(
    catalogue: QueryCatalogue, settings: CurrentSettings, chosen: RemovableFiles
) -> Response:
    """Nothing is removed here: whoever runs the script does that, after reading it.

    It moves the files to a folder, or deletes them, and leaves each whose other file is not there.
    All must be files of the catalogue. Needs a server that was started with `--show-paths`.
    """
    if not settings.show_paths:
        raise HTTPException(403, "this server tells no paths: start it with --show-paths")
    files = tuple(_superfluous(catalogue.finder.store, chosen.files))
    script = b"".join(removal_script(Selection(files, ())))
    disposition = 'attachment; filename="remove-copies.sh"'
    return Response(script, media_type=_SCRIPT, headers={"Content-Disposition": disposition})


def _superfluous(store: Store, files: Sequence[RemovableFile]) -> Iterator[Superfluous]:
    """Raises HTTPException for what is not in the catalogue, and for a file that is to stay too."""
    records = _records(store, [path for file in files for path in (file.path, file.kept)])
    removed = {file.path for file in files}
    for file in files:
        if file.kept in removed:
            raise HTTPException(422, f"files: {file.kept} cannot both stay and be removed")
        record, kept = records[file.path], records[file.kept]
        yield Superfluous(file.path, record, file.kept, kept, _CHOSEN)


def _records(store: Store, paths: Sequence[str]) -> dict[str, Record]:
    found = store.lookup_paths([path for path in dict.fromkeys(paths) if is_storable(path)])
    records = store.get([one.key for one in found.values()])
    missing = next((path for path in paths if path not in found), None)
    if missing is not None:
        raise HTTPException(404, f"no image of the catalogue lies at {missing!r}")
    return {path: records[one.key] for path, one in found.items()}
