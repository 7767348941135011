"""Form parsing: from text fields and uploads to the arguments of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, UploadFile

from imagefinder._utils.text import one_line
from imagefinder.errors import ImageFinderError
from imagefinder.filters import conditions
from imagefinder.images.files import read
from imagefinder.images.metadata import check_item_id, check_metadata
from imagefinder.server.catalogues import ServedCatalogue
from imagefinder.server.dependencies import get_record
from imagefinder.server.image_files import required_file
from imagefinder.server.settings import Fetch, Settings
from imagefinder.types import Box, Record

_MAX_IMAGES = 16
_MAX_CONDITIONS = 32
_MAX_VALUES = 1000

FILTER_HELP = (
    "A metadata filter: a JSON object of names and values, all of which must match. In place of a "
    "value, an object of operators: `eq`, `ne`, `lt`, `lte`, `gt`, `gte`, `in`, `not_in`."
)
FILTER_EXAMPLES = ['{"room": "kitchen", "price": {"lt": 20}, "city": {"in": ["Paris", "Rome"]}}']


@dataclass(frozen=True)
class ImageFields:
    """The images that a form gives, in three ways."""

    files: Sequence[UploadFile] | None = None
    ids: Sequence[str] | None = None
    urls: Sequence[str] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return sum(len(given or ()) for given in (self.files, self.ids, self.urls))

    @property
    def names(self) -> list[str]:
        """File names, ids and URLs."""
        return [
            *(file.filename for file in self.files or () if file.filename),
            *(self.ids or ()),
            *(self.urls or ()),
        ]

    def load(self, catalogue: ServedCatalogue, fetch: Fetch | None) -> list[bytes | Record]:
        """Uploads, stored images and downloaded images, in this order."""
        if len(self) > _MAX_IMAGES:
            raise HTTPException(422, f"at most {_MAX_IMAGES} images per request")
        records = [get_record(catalogue, id_) for id_ in self.ids or ()]
        if self.urls and fetch is None:
            raise HTTPException(403, "this server does not download from URLs: upload the image")
        return [
            *(file.file.read() for file in self.files or ()),
            *records,
            *(download(self.urls, fetch) if self.urls and fetch else ()),
        ]

    def load_bytes(self, catalogue: ServedCatalogue, settings: Settings) -> list[bytes]:
        """The same, with the file contents of stored images."""
        return [
            _bytes_of(image, settings) if isinstance(image, Record) else image
            for image in self.load(catalogue, settings.fetch)
        ]


def _bytes_of(record: Record, settings: Settings) -> bytes:
    with required_file(record, settings) as opened:
        return read(opened.stream)


def parse_box(text: str | None) -> Box | None:
    """``x,y,width,height`` in pixels."""
    if not text:
        return None
    numbers = text.split(",")
    if len(numbers) != 4 or not all(_is_integer(number) for number in numbers):
        raise HTTPException(422, "crop: expected x,y,width,height in pixels")
    left, top, width, height = map(int, numbers)
    return left, top, width, height


def _json_of(text: str) -> Any:
    """What a field's JSON says; None for what is no JSON."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def parse_vector(text: str | None) -> list[float] | None:
    """A JSON list of numbers."""
    if not text:
        return None
    value = _json_of(text)
    if not isinstance(value, list) or not all(type(one) in (int, float) for one in value):
        raise HTTPException(422, "vector: expected a JSON list of numbers, such as [0.5, -1.25]")
    return value


def parse_metadata(text: str | None, field: str) -> dict[str, Any] | None:
    """A JSON object; None for an empty field."""
    if not text:
        return None
    value = _json_of(text)
    if not isinstance(value, dict):
        raise HTTPException(422, f'{field}: expected a JSON object such as {{"room": "kitchen"}}')
    return check_said(value, field)


def check_said(metadata: dict[str, Any] | None, field: str) -> dict[str, Any] | None:
    """The metadata that a field has, if they can be stored."""
    try:
        check_metadata(metadata)
    except ValueError as error:
        raise HTTPException(422, f"{field}: {one_line(error)}") from error
    return metadata


def parse_item(text: str | None, metadata: dict[str, Any] | None) -> str | None:
    """The id of an item that has these metadata; None for an empty field."""
    if not text:
        return None
    if not metadata:
        raise HTTPException(422, "item: say something of it in `metadata`")
    try:
        check_item_id(text)
    except ValueError as error:
        raise HTTPException(422, f"item: {error}") from error
    return text


def parse_filter(text: str | None) -> dict[str, Any] | None:
    """A metadata filter: a JSON object, see ``filters.conditions``."""
    where = parse_metadata(text, "where")
    try:
        stated = conditions(where)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    if len(stated) > _MAX_CONDITIONS or sum(len(one.values) for one in stated) > _MAX_VALUES:
        raise HTTPException(
            422, f"where: at most {_MAX_CONDITIONS} conditions with {_MAX_VALUES} values in all"
        )
    return where


def download(urls: Sequence[str], fetch: Fetch) -> list[bytes]:
    """The files at some URLs; 422 if one cannot be had."""
    try:
        return fetch(urls)
    except ImageFinderError as error:  # about the URL, and nothing on this server
        raise HTTPException(422, f"url: {error}") from error


def _is_integer(text: str) -> bool:
    return len(text) < 10 and text.strip().isascii() and text.strip().isdecimal()


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")
