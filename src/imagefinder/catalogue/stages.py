"""Stages of the ingest pipeline: what becomes of an input on its way into a store.

Input → changed → decoded (and extracted) → encoded → written
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from threading import Event

from imagefinder._utils.concurrency import batched
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_each, extract_one
from imagefinder.errors import EncoderChanged, ImageError, UnencodableImage, UnreadableImage
from imagefinder.images.decode import Source, decode, decode_each, load_image
from imagefinder.images.files import modified_ns, read
from imagefinder.images.inputs import Input, is_storable
from imagefinder.images.limits import Limits
from imagefinder.images.metadata import MAX_ITEMS, has_room, metadata_problem
from imagefinder.images.remote_files import RemoteFile
from imagefinder.images.signature import SIGNATURE_RESIZE, ncc_signature, signature_of
from imagefinder.images.stored_files import has_state
from imagefinder.types import (
    Description,
    Encoder,
    Entry,
    Features,
    File,
    Image,
    LocalFeatures,
    Outcome,
    Record,
    Signature,
    Store,
    StoredFile,
    key_of,
)

BATCH = 32
"""Images that are encoded and written together."""
_PORTION = 64 * 2**20  # bytes of files that are in memory while the store is asked for them


@dataclass(frozen=True)
class Ingestion:
    """An input, and what the stages have made of it so far."""

    given: Input
    is_unchanged: bool = False
    """Whether its file is read only for the signature that its image lacks."""
    record: Record | None = None
    pixels: Image | None = None
    """``None`` if the content is stored already."""
    local: LocalFeatures | None = None
    signature: Signature | None = None
    features: Features | None = None
    warning: str = ""
    """What is missing of a truncated image."""
    failure: str | None = None
    outcome: Outcome | None = None

    @property
    def key(self) -> int | None:
        """The key of the image, once it is read."""
        return self.record.key if self.record else None

    def failed(self, reason: str) -> Ingestion:
        """With a failure, unless the image can do without what was read."""
        if self.is_unchanged:
            return replace(self, outcome="unchanged")
        return replace(self, failure=reason)


def identify(given: Input, limits: Limits) -> tuple[bytes, Record]:
    """The bytes of an image, and its record without width and height. Raises ImageError."""
    data, file = _bytes_of(given, limits)
    sha256 = hashlib.sha256(data).digest()
    return data, Record(key_of(sha256), sha256, len(data), 0, 0, (file,) if file else ())


def changed(inputs: Iterable[Input], store: Store, counts: Counter[Outcome]) -> Iterator[Ingestion]:
    """Leave out, and count, the files that are unchanged and of which nothing is lacking."""
    for batch in batched(inputs, BATCH):
        stored = store.lookup_paths([given.path for given in batch if is_storable(given.path)])
        described = [one.path for one in batch if one.path in stored and one.metadata is not None]
        known = store.get([stored[path].key for path in described])
        incomplete = store.without_signature([one.key for one in stored.values()])
        for given in batch:
            before = stored.get(given.path or "")
            if before is None or not _is_unchanged(given, before, known.get(before.key)):
                yield Ingestion(given)
            elif before.key in incomplete:
                yield Ingestion(given, is_unchanged=True)
            else:
                counts["unchanged"] += 1


def _is_unchanged(given: Input, before: StoredFile, record: Record | None) -> bool:
    if given.metadata is not None and (record is None or not given.is_described_in(record)):
        return False
    # an imported file is read once, so that it counts as added here
    if isinstance(given.content, RemoteFile):
        state = given.content.size, given.content.mtime_ns
        return before.origin != "imported" and state == (before.size, before.mtime_ns)
    return before.origin != "imported" and has_state(str(given.path), before.size, before.mtime_ns)


def decoded(items: Iterable[Ingestion], into: Catalogue) -> list[Ingestion]:
    """In a thread: read, hash and, unless the content is stored, decode and extract.

    The store is asked once for several items: one far away answers about as slowly as an image is
    decoded.
    """
    read = (_read(item, into.limits) for item in items)
    return [item for some in _portions(read) for item in _decoded(some, into)]


def _read(item: Ingestion, limits: Limits) -> tuple[Ingestion, bytes]:
    """With its record, and its bytes."""
    if (problem := metadata_problem(item.given.metadata)) is not None:
        return replace(item, failure=problem), b""
    try:
        data, record = identify(item.given, limits)
    except ImageError as error:
        return item.failed(str(error)), b""
    return replace(item, record=record), data


def _portions(read: Iterable[tuple[Ingestion, bytes]]) -> Iterator[list[tuple[Ingestion, bytes]]]:
    """Some at a time, so that a few large files are not in memory together."""
    some: list[tuple[Ingestion, bytes]] = []
    for one in read:
        some.append(one)
        if sum(len(data) for _, data in some) >= _PORTION:
            yield some
            some = []
    yield some


def _decoded(read: Sequence[tuple[Ingestion, bytes]], into: Catalogue) -> list[Ingestion]:
    keys = [item.key for item, _ in read if item.key is not None]
    stored = into.store.get(keys) if keys else {}
    lacking = into.store.without_signature(list(stored)) if stored else set[int]()

    def made_of(item: Ingestion, data: bytes) -> Ingestion:
        content = _loaded(item.given, data)
        if item.key is None:
            return item
        if item.key not in stored:
            return _with_pixels(item, content, into)
        return _of_stored(item, content, stored[item.key], lacking, into)

    items = [made_of(item, data) for item, data in read]
    return _with_former_metadata(items, into.store)


def _with_pixels(item: Ingestion, content: Source, into: Catalogue) -> Ingestion:
    assert item.record is not None  # noqa: S101  or it was not read
    try:
        image, (small,) = decode_each(content, into.encoder.resize, [SIGNATURE_RESIZE], into.limits)
        local = _local(content, into)
    except ImageError as error:
        return replace(item, record=None).failed(str(error))
    return replace(
        item,
        record=replace(item.record, width=image.width, height=image.height),
        pixels=image.pixels,
        local=local,
        signature=signature_of(small.pixels) if small else None,
        warning=image.warning,
    )


def _of_stored(
    item: Ingestion, content: Source, stored: Record, lacking: set[int], into: Catalogue
) -> Ingestion:
    """With the signature, if the stored image lacks one."""
    assert item.record is not None  # noqa: S101  or it was not read
    if stored.sha256 != item.record.sha256:
        reason = f"its id {stored.id} belongs to another image"
        return replace(item, record=None).failed(reason)
    if not has_room(stored.items, item.given.items):
        warning = f"nothing new is said of it: {MAX_ITEMS} items share its image already"
        item = replace(item, given=replace(item.given, metadata=None), warning=warning)
    if stored.key not in lacking:
        return item
    try:
        return replace(item, signature=ncc_signature(content, into.limits.for_stored))
    except ImageError:  # the image is stored, and can do without
        return item


def _loaded(given: Input, data: bytes) -> Source:
    """The bytes of a file, or the image in memory."""
    content = given.content
    return data if isinstance(content, Path | RemoteFile) else content


def _with_former_metadata(items: list[Ingestion], store: Store) -> list[Ingestion]:
    """With what was said of a new image's path, if the file's content alone has changed."""
    new = [item.given for item in items if item.pixels is not None]
    paths = [one.path for one in new if one.metadata is None and one.path is not None]
    before = store.lookup_paths(paths) if paths else {}
    former = store.get([one.key for one in before.values()]) if before else {}

    def metadata_of(given: Input) -> Description | None:
        if given.metadata is not None:
            return given.metadata
        located = before.get(given.path or "")
        record = former.get(located.key) if located else None
        return [item for item in record.items if item.path == given.path] if record else None

    return [
        replace(item, given=replace(item.given, metadata=metadata_of(item.given)))
        if item.pixels is not None and item.given.path in before
        else item
        for item in items
    ]


def _local(content: Source, into: Catalogue) -> LocalFeatures | None:
    # decoded once more, in the extractor's size: cheap beside extracting; embeddings do not change
    if into.extractor is None:
        return None
    pixels = decode(content, into.extractor.resize, into.limits).pixels
    return extract_one(into.extractor, pixels)


def _bytes_of(given: Input, limits: Limits) -> tuple[bytes, File | None]:
    """The bytes that identify an image: of its file, or its shape and pixels."""
    content = given.content
    if isinstance(content, bytes):
        return content, None
    if isinstance(content, RemoteFile):
        return content.read(limits), File(content.url, content.mtime_ns, given.origin)
    if not isinstance(content, Path):
        pixels = load_image(content)
        return f"{pixels.shape}".encode() + pixels.tobytes(), None
    if not is_storable(str(content)):
        raise UnreadableImage("its name is not UTF-8: rename it")
    try:
        mtime_ns = modified_ns(os.stat(content))  # before reading: a later change is noticed
    except (OSError, ValueError):
        mtime_ns = 0  # reading it says what is wrong
    return read(content, limits), File(str(content), mtime_ns, given.origin)


def encoded(items: list[Ingestion], encoder: Encoder) -> list[Ingestion]:
    """With embeddings or a failure; equal content is encoded once."""
    new = {item.key: item.pixels for item in items if item.pixels is not None}
    results = dict(zip(new, encode_each(encoder, list(new.values())), strict=True))
    return [_with_result(item, results.get(item.key)) for item in items]


def _with_result(item: Ingestion, result: Features | UnencodableImage | None) -> Ingestion:
    if isinstance(result, UnencodableImage):
        return replace(item, failure=item.failure or str(result))
    return replace(item, features=result, pixels=None)


def written(items: list[Ingestion], store: Store, upgraded: Event) -> list[Ingestion]:
    """With the outcome of writing them, all in one commit.

    All are missing once the catalogue has been upgraded to another encoder.
    """
    entries = [
        Entry(item.record, item.features, item.given.metadata, item.local, item.signature)
        for item in items
        if item.record is not None and item.failure is None
    ]
    outcomes: Iterator[Outcome]
    try:
        outcomes = iter(store.write(entries))
    except EncoderChanged:
        upgraded.set()
        outcomes = repeat("missing")
    return [
        item if item.record is None or item.failure else replace(item, outcome=next(outcomes))
        for item in items
    ]
