"""Pictures into a store: decoding, encoding and writing overlap, and memory stays bounded.

Input → unchanged? → read, hash, decode (threads) → encode (batches) → write (a thread)
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from imagefinder.errors import ImageError, UnreadableImage
from imagefinder.images import LIMITS, Limits, decode, load_image, read
from imagefinder.pipeline import batched, cores, overlapped
from imagefinder.types import (
    Encoder,
    Entry,
    Failure,
    File,
    Image,
    Located,
    Record,
    Report,
    Store,
    key_of,
)

_BATCH = 32

Content: TypeAlias = "Path | bytes | PIL.Image.Image | NDArray[np.generic]"
Outcome: TypeAlias = Literal["added", "updated", "unchanged"]
Progress: TypeAlias = Callable[[Iterable["Input"]], Iterable["Input"]]


@dataclass(frozen=True)
class Input:
    """One picture to take in: a file by its absolute path, or a picture in memory."""

    content: Content
    metadata: Mapping[str, Any] | None = None
    """Replaces what is stored for this picture; ``None`` leaves it."""

    @property
    def path(self) -> str | None:
        """Where it lies."""
        return str(self.content) if isinstance(self.content, Path) else None

    @property
    def name(self) -> str:
        """What to call it when it fails."""
        return self.path or "a picture in memory"


@dataclass(frozen=True)
class _Item:
    """An input on its way: what was known of its file, then what was found in it."""

    given: Input
    before: Located | None = None
    record: Record | None = None
    pixels: Image | None = None
    """``None`` where the content is stored already."""
    failure: str | None = None

    @property
    def key(self) -> int | None:
        """The picture's, once it is read."""
        return self.record.key if self.record else None

    @property
    def outcome(self) -> Outcome:
        """How the report counts it."""
        if self.record is None:
            return "unchanged"
        if self.before is None:
            known = self.given.path is None and self.pixels is None
            return "unchanged" if known else "added"
        return "unchanged" if self.before.key == self.record.key else "updated"


@dataclass
class _Tally:
    """The report in the making."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    failed: list[Failure] = field(default_factory=list)

    def count(self, items: Iterable[_Item]) -> None:
        for item in items:
            if item.failure is None:
                self.counts[item.outcome] += 1
            else:
                self.failed.append(Failure(item.given.name, item.failure))


def ingest(
    inputs: Iterable[Input],
    store: Store,
    encoder: Encoder,
    *,
    limits: Limits = LIMITS,
    progress: Progress = iter,
) -> Report:
    """Take pictures in, a commit per batch, so that a run that is cut short can simply be repeated.

    A file whose size and time are as recorded is not read; a content that is stored is not encoded
    again. Pictures that cannot be used are named in the report and stop nothing.
    """
    began = perf_counter()
    tally = _Tally()
    lost = _pass(progress(inputs), store, encoder, limits, tally)
    while lost:
        lost = _pass(lost, store, encoder, limits, tally)
    counts = {str(outcome): count for outcome, count in tally.counts.items()}
    return Report(**counts, failed=tuple(tally.failed), seconds=perf_counter() - began)


def _pass(
    inputs: Iterable[Input], store: Store, encoder: Encoder, limits: Limits, tally: _Tally
) -> list[Input]:
    """Take all inputs in, but for those it returns, which must be read again.

    Their content was taken out of the store between our finding it there and our writing its new
    place.
    """
    workers = cores()
    lost: list[Input] = []

    def examined(item: _Item) -> _Item:
        return _examined(item, store, encoder, limits)

    def written(batch: tuple[list[_Item], list[Entry]]) -> tuple[list[_Item], set[int]]:
        items, entries = batch
        return items, store.write(entries)

    with (
        ThreadPoolExecutor(workers, "decode") as decoders,
        ThreadPoolExecutor(1, "write") as writer,
    ):
        changed = _changed(inputs, store, tally)
        items = overlapped(decoders, examined, changed, ahead=_BATCH + 2 * workers)
        batches = (_encoded(batch, encoder) for batch in batched(items, _BATCH))
        for done, missing in overlapped(writer, written, batches, ahead=2):
            lost.extend(item.given for item in done if item.key in missing)
            tally.count(item for item in done if item.key not in missing)
    return lost


def _changed(inputs: Iterable[Input], store: Store, tally: _Tally) -> Iterator[_Item]:
    """Leave out, and count, the files that are just as they were when they were last read."""
    for batch in batched(inputs, _BATCH):
        located = store.located([given.path for given in batch if _storable(given.path)])
        for given in batch:
            item = _Item(given, located.get(given.path or ""))
            if (
                given.metadata is None
                and item.before is not None
                and _untouched(given, item.before)
            ):
                tally.count([item])
            else:
                yield item


def _storable(path: str | None) -> TypeGuard[str]:
    """Whether there is a path, and one that UTF-8 can write."""
    try:
        return bool(path and path.encode())
    except UnicodeEncodeError:
        return False


def _untouched(given: Input, before: Located) -> bool:
    try:
        now = os.stat(str(given.path))
    except OSError:
        return False  # reading it will say why
    return (now.st_size, now.st_mtime_ns) == (before.size, before.mtime_ns)


def _examined(item: _Item, store: Store, encoder: Encoder, limits: Limits) -> _Item:
    """Runs in a thread: the bytes, their hash, and the pixels unless the content is known."""
    try:
        data, file = _bytes_of(item.given, limits)
        sha256 = hashlib.sha256(data).digest()
        record = Record(key_of(sha256), sha256, len(data), 0, 0, (file,) if file else ())
        if store.knows(sha256):
            return replace(item, record=record)
        content = item.given.content
        picture = decode(data if isinstance(content, Path) else content, encoder.fit, limits)
    except ImageError as error:
        return replace(item, failure=str(error))
    record = replace(record, width=picture.width, height=picture.height)
    return replace(item, record=record, pixels=picture.pixels)


def _bytes_of(given: Input, limits: Limits) -> tuple[bytes, File | None]:
    """The bytes that identify a picture; for one given as pixels, its shape and all its samples."""
    content = given.content
    if isinstance(content, bytes):
        return content, None
    if not isinstance(content, Path):
        pixels = load_image(content)
        return f"{pixels.shape}".encode() + pixels.tobytes(), None
    if not _storable(str(content)):
        raise UnreadableImage("its name is not UTF-8: rename it")
    try:
        mtime_ns = os.stat(content).st_mtime_ns  # before reading: a later change is seen next time
    except (OSError, ValueError):
        mtime_ns = 0  # reading it says what is wrong
    return read(content, limits), File(str(content), mtime_ns)


def _encoded(items: list[_Item], encoder: Encoder) -> tuple[list[_Item], list[Entry]]:
    """With the entries to write; each distinct new content is encoded once."""
    new = {
        item.record.key: item.pixels
        for item in items
        if item.record is not None and item.pixels is not None
    }
    features = dict(zip(new, encoder.encode(list(new.values())), strict=True))
    return items, [
        Entry(item.record, features.get(item.record.key), item.given.metadata)
        for item in items
        if item.record is not None
    ]
