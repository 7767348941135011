"""Comparison of two catalogues: whether they hold the same, bit by bit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from imagefinder.errors import StoreError
from imagefinder.stores.location import Location, display
from imagefinder.stores.opening import open_to_copy
from imagefinder.types import (
    Copyable,
    ImagePages,
    Progress,
    Properties,
    Record,
    Snapshot,
    StoredImage,
    id_of,
)

_PAGE = 250  # images with all that is stored of them
_EXAMPLES = 20


@dataclass(frozen=True)
class Difference:
    """An image that two catalogues do not hold alike."""

    id: str
    what: str
    """What of it differs, or which of the two has it alone."""


@dataclass
class Comparison:
    """The result of comparing two catalogues."""

    images: tuple[int, int] = (0, 0)
    checksums: tuple[str, str] = ("", "")
    """Of all that they hold of their images: SHA-256, in order of the keys."""
    differing: int = 0
    """How many images only one of them has, or not alike."""
    differences: list[Difference] = field(default_factory=list)
    """The first of them."""
    properties: tuple[str, ...] = ()
    """What else differs, by name."""

    @property
    def is_equal(self) -> bool:
        """Whether all is the same, but for where models lie and the kind of index."""
        return not self.differing and not self.properties

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "equal": self.is_equal,
            "images": list(self.images),
            "checksums": list(self.checksums),
            "differing": self.differing,
            "differences": [{"id": one.id, "what": one.what} for one in self.differences],
            "properties": list(self.properties),
        }


def compare_catalogues(
    one: str | os.PathLike[str], other: str | os.PathLike[str], progress: Progress = iter
) -> Comparison:
    """Compare two catalogues as they are now; neither is changed. Raises StoreError."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(open_snapshot(each)) for each in (one, other))
        found = compare_images(first, second, progress)
        found.properties = different_properties(first.properties, second.properties)
        return found


@contextmanager
def open_snapshot(location: Location) -> Iterator[Snapshot]:
    """A catalogue as it is now, opened so that nothing can be written to it. Raises StoreError."""
    with closing(open_to_copy(location)) as store:
        if not isinstance(store, Copyable):
            raise StoreError(f"{display(location)} is in a kind of store that cannot be copied")
        with store.snapshot() as snapshot:
            yield snapshot


def compare_images(one: Snapshot, other: ImagePages, progress: Progress = iter) -> Comparison:
    """Compare all images; ``progress`` wraps those of the first."""
    counts, digests = [0, 0], (hashlib.sha256(), hashlib.sha256())
    found = Comparison()
    for key, *pair in paired(progress(AllImages(one)), images_of(other)):
        each = [digest(image) if image else None for image in pair]
        for number, own in enumerate(each):
            if own is not None:
                counts[number] += 1
                digests[number].update(own)
        if each[0] != each[1]:
            found.differing += 1
            if len(found.differences) < _EXAMPLES:
                found.differences.append(Difference(id_of(key), _difference(*pair)))
    found.images = (counts[0], counts[1])
    found.checksums = (digests[0].hexdigest(), digests[1].hexdigest())
    return found


def different_properties(one: Properties, other: Properties) -> tuple[str, ...]:
    """What two stores hold differently besides their images, by name.

    The kind of index is not among them: not every store has every kind.
    """
    return tuple(_different(Properties, replace(one, index=other.index), other))


@dataclass(frozen=True)
class AllImages:
    """The images of a snapshot in order of their keys, with a hint for a progress bar."""

    snapshot: Snapshot

    def __iter__(self) -> Iterator[StoredImage]:
        """Page by page."""
        return images_of(self.snapshot)

    def __length_hint__(self) -> int:
        """How many there are."""
        return len(self.snapshot)


def images_of(pages: ImagePages) -> Iterator[StoredImage]:
    """All images in order of their keys."""
    last = -1
    while page := pages.page(last, _PAGE):
        yield from page
        last = page[-1].record.key


def paired(
    ones: Iterable[StoredImage], others: Iterable[StoredImage]
) -> Iterator[tuple[int, StoredImage | None, StoredImage | None]]:
    """Images of the same key together, in order of the keys; None for what one side lacks."""
    sides = [iter(ones), iter(others)]
    heads = [next(side, None) for side in sides]
    while any(heads):
        key = min(image.record.key for image in heads if image)
        first, second = (image if image and image.record.key == key else None for image in heads)
        yield key, first, second
        heads = [
            next(side, None) if image is here else image
            for side, image, here in zip(sides, heads, (first, second), strict=True)
        ]


def digest(image: StoredImage) -> bytes:
    """SHA-256 of all that is stored of an image."""
    found = hashlib.sha256(_text(image))
    for blob in (image.vectors, image.other_vectors, image.local, image.signature):
        found.update(b"-" if blob is None else b"%d:" % len(blob))
        found.update(blob or b"")
    return found.digest()


def _text(image: StoredImage) -> bytes:
    record = image.record
    files = sorted((file.path, file.mtime_ns, file.origin) for file in record.files)
    items = [(item.path, item.id, item.metadata) for item in record.items]
    about = (record.size, record.width, record.height, image.in_memory, files, items)
    text = json.dumps(about, sort_keys=True, ensure_ascii=False, default=dict)
    return record.sha256 + text.encode()


def _difference(one: StoredImage | None, other: StoredImage | None) -> str:
    if one is None or other is None:
        return f"only in the {'first' if one else 'second'}"
    of_record = _different(Record, one.record, other.record)
    of_image = [name for name in _different(StoredImage, one, other) if name != "record"]
    return ", ".join([*of_record, *of_image]) or "metadata"


def _different(kind: type[Any], one: Any, other: Any) -> list[str]:
    """The fields of two values of a dataclass that differ, in words."""
    names = [each.name for each in fields(kind) if each.compare]
    return [name.replace("_", " ") for name in names if getattr(one, name) != getattr(other, name)]
