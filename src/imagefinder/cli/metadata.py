"""The verb ``metadata``: show what is said of an image, or change it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.options import DB, Db, open_finder
from imagefinder.cli.output import print_json

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Record

PATCH_HELP = "A JSON object: names with new values, null to remove one, such as '{\"price\": 9}'."


def metadata(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A stored file, or an id.")],
    patch: Annotated[str | None, typer.Argument(metavar="[CHANGES]", help=PATCH_HELP)] = None,
    item: Annotated[
        str | None,
        typer.Option(help="Whose, where several items share the image: an id, or a file."),
    ] = None,
    db: Db = DB,
) -> None:
    """Show the metadata of an image as JSON, after changes if there are any."""
    changes = None if patch is None else _changes(patch)
    with open_finder(db) as finder:
        id_, path = _stored(finder, image)
        record = finder.get(id_)
        if changes is not None:
            record = _patched(finder, id_, changes, item or path)
    print_json({"id": record.id, "items": [asdict(one) for one in record.items]})


def _patched(finder: Finder, id: str, changes: dict[str, Any], item: str | None) -> Record:  # noqa: A002
    try:
        return finder.patch_metadata(id, changes, item=item)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _changes(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter('expected a JSON object, such as {"price": 9}')
    return found


def _stored(finder: Finder, image: str) -> tuple[str, str | None]:
    """The id of an image, and the path by which it was named, if it was."""
    from imagefinder.images.inputs import is_storable, stored_name
    from imagefinder.types import id_of

    path = stored_name(image)
    stored = finder.store.lookup_paths([path] if is_storable(path) else [])
    return (id_of(stored[path].key), path) if path in stored else (image, None)
