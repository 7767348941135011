"""What the lines of a batch ask for: images to add and to delete."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from imagefinder._utils.concurrency import prefetch_map
from imagefinder.finder import Finder
from imagefinder.images.data_urls import data_of
from imagefinder.server.batch import Done
from imagefinder.server.batch_schemas import DeletedImage, NewImage
from imagefinder.server.forms import check_said, download, parse_item
from imagefinder.server.listing_cache import ListingCache
from imagefinder.server.settings import Settings
from imagefinder.server.uploads import AddedImage, Upload, add_images, delete_images
from imagefinder.types import key_from

_DOWNLOADS = 4  # at a time
_PORTION = 32 * 2**20  # bytes of images that are in memory while they are added
_MAX_ERRORS = 5
_LONGEST_NAME = 100  # characters

_Model = TypeVar("_Model", bound=BaseModel)
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class AddingWork:
    """Adds images, which are encoded together."""

    finder: Finder
    settings: Settings
    listings: ListingCache

    def __call__(self, lines: Sequence[bytes]) -> list[Done | Exception]:
        """See Work."""
        with ThreadPoolExecutor(_DOWNLOADS, "batch") as executor:
            uploads = prefetch_map(executor, self._upload_of, lines, ahead=_DOWNLOADS)
            return [done for some in _portions(uploads) for done in self._added(some)]

    def _added(self, uploads: Sequence[Upload | Exception]) -> Iterator[Done | Exception]:
        good = [one for one in uploads if isinstance(one, Upload)]
        try:
            added = iter(add_images(self.finder, good, self.settings))
        except Exception as error:  # it costs these, and not those that are added already
            added = iter([error] * len(good))
        self.listings.clear()
        for one in uploads:
            outcome = next(added) if isinstance(one, Upload) else one
            yield outcome if isinstance(outcome, Exception) else _done(outcome)

    def _upload_of(self, line: bytes) -> Upload | Exception:
        return _attempt(self._upload, line)

    def _upload(self, line: bytes) -> Upload:
        image = _parsed(NewImage, line)
        said = check_said(image.metadata, "metadata")
        item = parse_item(image.item, said)
        return Upload(self._data(image), image.name, said, item)

    def _data(self, image: NewImage) -> bytes:
        if image.url is None:
            return _decoded(image.data or "")
        if self.settings.fetch is None:
            raise HTTPException(403, "this server does not download from URLs: send the image")
        return download([image.url], self.settings.fetch)[0]


@dataclass(frozen=True)
class DeletingWork:
    """Deletes images."""

    finder: Finder
    settings: Settings
    listings: ListingCache

    def __call__(self, lines: Sequence[bytes]) -> list[Done | Exception]:
        """See Work."""
        ids = [_attempt(lambda line: _parsed(DeletedImage, line).id, line) for line in lines]
        keys = [key for one in ids if isinstance(one, str) if (key := key_from(one)) is not None]
        records = self.finder.store.get(keys)
        failures = delete_images(self.finder, list(records.values()), self.settings)
        self.listings.clear()
        left: dict[str, Exception | None] = {
            record.id: failures.get(key) for key, record in records.items()
        }
        return [one if isinstance(one, Exception) else _deleted(one, left) for one in ids]


def _done(added: AddedImage) -> Done:
    return Done(201 if added.is_new else 200, added.record.id)


def _portions(uploads: Iterable[Upload | Exception]) -> Iterator[list[Upload | Exception]]:
    """Some at a time, so that a few large downloads are not in memory together."""
    some: list[Upload | Exception] = []
    for one in uploads:
        some.append(one)
        if sum(len(each.data) for each in some if isinstance(each, Upload)) >= _PORTION:
            yield some
            some = []
    yield some


def _deleted(
    id: str,  # noqa: A002  as users call it
    left: dict[str, Exception | None],
) -> Done | Exception:
    """An id that is given twice is there once."""
    if id not in left:
        return HTTPException(404, "there is no image with this id in the catalogue")
    return left.pop(id) or Done(204, id)


def _attempt(make: Callable[[bytes], _Made], line: bytes) -> _Made | Exception:
    """What is made of a line, or what is raised by it."""
    try:
        return make(line)
    except Exception as error:
        return error


def _parsed(model: type[_Model], line: bytes) -> _Model:
    """Raises RequestValidationError."""
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        # without what was given, which may be long
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**one, "loc": ("line", *map(_shortened, one["loc"]))} for one in errors[:_MAX_ERRORS]]
        ) from None


def _shortened(part: str | int) -> str | int:
    """Of where an error is, which a client may have named at any length."""
    if isinstance(part, int) or len(part) <= _LONGEST_NAME:
        return part
    return f"{part[:_LONGEST_NAME]}…"


def _decoded(text: str) -> bytes:
    encoded = text.encode()
    try:
        written = data_of(encoded)
        data = base64.b64decode(encoded, validate=True) if written is None else written
    except (binascii.Error, ValueError):
        raise HTTPException(422, "data: expected the file in base64, or a data URL") from None
    if not data:
        raise HTTPException(422, "data: the image is empty")
    return data
