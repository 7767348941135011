"""Ingest pipeline: decoding, encoding and writing overlap, in bounded memory.

Input → unchanged? → read, hash, decode, extract (threads) → encode (batches) → write (one thread)
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from threading import Event
from time import perf_counter

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.encoders.inference import encode_each, extract_one
from imagefinder.errors import EncoderChanged, ImageError, UnencodableImage, UnreadableImage
from imagefinder.images.decode import decode, decode_each, load_image
from imagefinder.images.files import modified_ns, read
from imagefinder.images.inputs import Content, Input, is_storable
from imagefinder.images.limits import Limits
from imagefinder.images.metadata import metadata_problem
from imagefinder.images.signature import SIGNATURE_RESIZE, ncc_signature, signature_of
from imagefinder.images.stored_files import has_state
from imagefinder.types import (
    Encoder,
    Entry,
    Failure,
    Features,
    File,
    Image,
    LocalFeatures,
    Outcome,
    Progress,
    Record,
    Report,
    Signature,
    Store,
    StoredFile,
    key_of,
)

_BATCH = 32


@dataclass(frozen=True)
class _Item:
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

    def failed(self, reason: str) -> _Item:
        """With a failure, unless the image can do without what was read."""
        if self.is_unchanged:
            return replace(self, outcome="unchanged")
        return replace(self, failure=reason)


def ingest(
    inputs: Iterable[Input], into: Catalogue, progress: Progress = iter, checksum: bool = False
) -> Report:
    """Add images in a commit per batch; a run that is interrupted can simply be repeated.

    A file with the recorded size and modification time is not read, and content that is stored is
    not encoded again; with ``checksum``, all files are read. Files of images without a signature
    are read for it. Images that cannot be used are reported as failed and stop nothing.
    """
    began = perf_counter()
    counts: Counter[Outcome] = Counter()
    failed: list[Failure] = []
    warnings: list[Failure] = []
    unread, again = iter(progress(inputs)), list[Input]()
    is_done = False
    while not is_done:
        upgraded = Event()
        waiting = _until(upgraded, chain(again, unread))
        again = []
        pinned = into.pinned()
        changed = map(_Item, waiting) if checksum else _changed(waiting, pinned.store, counts)
        for item in _processed(changed, pinned, upgraded):
            if item.failure is not None:
                failed.append(Failure(item.given.name, item.failure))
            elif item.outcome is not None:
                counts[item.outcome] += 1
                if item.warning:
                    warnings.append(Failure(item.given.name, item.warning))
            if item.outcome == "missing":
                # its content was removed from the store after we found it there, or the encoder is
                # another one by now: read it again
                again.append(item.given)
        if upgraded.is_set():
            into.refresh()
        is_done = not again and not upgraded.is_set()
    return Report(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        failed=tuple(failed),
        warnings=tuple(warnings),
        seconds=perf_counter() - began,
    )


def identify(given: Input, limits: Limits) -> tuple[bytes, Record]:
    """The bytes of an image, and its record without width and height. Raises ImageError."""
    data, file = _bytes_of(given, limits)
    sha256 = hashlib.sha256(data).digest()
    return data, Record(key_of(sha256), sha256, len(data), 0, 0, (file,) if file else ())


def _until(upgraded: Event, inputs: Iterable[Input]) -> Iterator[Input]:
    """The inputs, until another program has upgraded the catalogue to another encoder."""
    for given in inputs:
        yield given
        if upgraded.is_set():
            return


def _processed(changed: Iterable[_Item], into: Catalogue, upgraded: Event) -> Iterator[_Item]:
    """Each item after its last stage; all stages run concurrently."""
    workers = cores()
    decode_item = partial(_decoded, into=into)
    write_items = partial(_written, store=into.store, upgraded=upgraded)
    with (
        ThreadPoolExecutor(workers, "decode") as decoders,
        ThreadPoolExecutor(1, "write") as writer,
    ):
        items = prefetch_map(decoders, decode_item, changed, ahead=_BATCH + 2 * workers)
        batches = (_encoded(batch, into.encoder) for batch in batched(items, _BATCH))
        yield from chain.from_iterable(prefetch_map(writer, write_items, batches, ahead=2))


def _changed(inputs: Iterable[Input], store: Store, counts: Counter[Outcome]) -> Iterator[_Item]:
    """Leave out, and count, the files that are unchanged and of which nothing is lacking."""
    for batch in batched(inputs, _BATCH):
        stored = store.lookup_paths([given.path for given in batch if is_storable(given.path)])
        described = [one.path for one in batch if one.path in stored and one.metadata is not None]
        known = store.get([stored[path].key for path in described])
        incomplete = store.without_signature([one.key for one in stored.values()])
        for given in batch:
            before = stored.get(given.path or "")
            if before is None or not _is_unchanged(given, before, known.get(before.key)):
                yield _Item(given)
            elif before.key in incomplete:
                yield _Item(given, is_unchanged=True)
            else:
                counts["unchanged"] += 1


def _is_unchanged(given: Input, before: StoredFile, record: Record | None) -> bool:
    if given.metadata is not None and (record is None or given.metadata != record.metadata):
        return False
    # an imported file is read once, so that it counts as added here
    return before.origin != "imported" and has_state(str(given.path), before.size, before.mtime_ns)


def _decoded(item: _Item, into: Catalogue) -> _Item:
    """In a thread: read, hash and, unless the content is stored, decode and extract."""
    if (problem := metadata_problem(item.given.metadata)) is not None:
        return replace(item, failure=problem)
    try:
        data, record = identify(item.given, into.limits)
        content = data if isinstance(item.given.content, Path) else item.given.content
        if into.store.has_content(record.sha256):
            signature = _lacking_signature(record, content, into)
            return replace(item, record=record, signature=signature)
        image, (small,) = decode_each(content, into.encoder.resize, [SIGNATURE_RESIZE], into.limits)
        local = _local(content, into)
    except ImageError as error:
        return item.failed(str(error))
    record = replace(record, width=image.width, height=image.height)
    item = replace(item, given=_with_former_metadata(item.given, into.store), record=record)
    signature = signature_of(small.pixels) if small else None
    return replace(
        item, pixels=image.pixels, local=local, signature=signature, warning=image.warning
    )


def _lacking_signature(record: Record, content: Content, into: Catalogue) -> Signature | None:
    """The signature of an image that is stored without one."""
    if not into.store.without_signature([record.key]):
        return None
    try:
        return ncc_signature(content, into.limits.for_stored)
    except ImageError:  # the image is stored, and can do without
        return None


def _with_former_metadata(given: Input, store: Store) -> Input:
    """With what was said of its path, if the file's content alone has changed."""
    if given.metadata is not None or given.path is None:
        return given
    before = store.lookup_paths([given.path]).get(given.path)
    former = store.get([before.key]).get(before.key) if before else None
    if former is None or any(file.path != given.path for file in former.files):
        return given  # the former content has other files, and keeps its metadata
    return replace(given, metadata=former.metadata or None)


def _local(content: Content, into: Catalogue) -> LocalFeatures | None:
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


def _encoded(items: list[_Item], encoder: Encoder) -> list[_Item]:
    """With embeddings or a failure; equal content is encoded once."""
    new = {item.key: item.pixels for item in items if item.pixels is not None}
    results = dict(zip(new, encode_each(encoder, list(new.values())), strict=True))
    return [_with_result(item, results.get(item.key)) for item in items]


def _with_result(item: _Item, result: Features | UnencodableImage | None) -> _Item:
    if isinstance(result, UnencodableImage):
        return replace(item, failure=item.failure or str(result))
    return replace(item, features=result, pixels=None)


def _written(items: list[_Item], store: Store, upgraded: Event) -> list[_Item]:
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
