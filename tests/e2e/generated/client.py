"""Uploads, searches, filters and deletes by the generated client; prints what it found as JSON."""

import base64
import io
import json
import sys
from pathlib import Path

from imagefinder_api import Client
from imagefinder_api.api.images import (
    add_image,
    add_images,
    delete_image,
    get_image,
    get_thumbnail,
)
from imagefinder_api.api.search import search
from imagefinder_api.models import AddImageForm, ImageInfo, Problem, SearchForm, SearchResponse
from imagefinder_api.types import UNSET, File

address, image, mode = sys.argv[1:]
client = Client(base_url=address)


def file() -> File:
    return File(io.BytesIO(Path(image).read_bytes()), "new.png", "image/png")


def batch(lines: list[dict[str, str]]) -> list[int | None]:
    """The statuses of a report."""
    body = "\n".join(map(json.dumps, lines)).encode()
    answer = add_images.sync_detailed(client=client, body=File(io.BytesIO(body)))
    return [json.loads(line).get("status") for line in answer.content.splitlines()]


def names(k: int, where: str | None = None) -> list[str | None]:
    form = SearchForm(image=[file()], k=k, where=where or UNSET)
    found = search.sync(client=client, body=form)
    assert isinstance(found, SearchResponse), found
    return [hit.name for hit in found.hits]


if mode == "read":
    print(json.dumps({"found": names(3)}))
else:
    form = AddImageForm(image=file(), metadata=json.dumps({"room": "attic"}))
    added = add_image.sync(client=client, body=form)
    assert isinstance(added, ImageInfo), added
    filtered = names(3, json.dumps({"room": "attic"}))
    small = get_thumbnail.sync_detailed(added.id, client=client)
    deleted = delete_image.sync_detailed(added.id, client=client)
    missing = get_image.sync(added.id, client=client)
    assert isinstance(missing, Problem)
    print(
        json.dumps(
            {
                "id": added.id,
                "filtered": filtered,
                "thumbnail": small.headers["Content-Type"],
                "deleted": deleted.status_code,
                "missing": missing.status,
                "batch": batch([{"data": base64.b64encode(Path(image).read_bytes()).decode()}, {}]),
            }
        )
    )
