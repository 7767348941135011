"""Ingest pipeline: decoding, encoding and writing overlap, in bounded memory.

Input → unchanged? → read, hash, decode, extract (threads) → encode (batches) → write (one thread)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from threading import Event
from time import perf_counter
from typing import TypeAlias

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.stages import BATCH, Ingestion, changed, decoded, encoded, written
from imagefinder.images.inputs import Input
from imagefinder.types import Failure, Outcome, Progress, Report

Process: TypeAlias = "Callable[[Iterable[Ingestion], Catalogue, Event], Iterator[Ingestion]]"
"""Takes items through all stages after ``changed``, into a catalogue; in any order. The event is
set once another program has upgraded the catalogue, so that what comes after it is missing."""


def process_here(
    items: Iterable[Ingestion], into: Catalogue, upgraded: Event
) -> Iterator[Ingestion]:
    """A Process in threads of this program: stages run concurrently, and items stay in order."""
    workers = cores()
    write_items = partial(written, store=into.store, upgraded=upgraded)

    def decode_one(item: Ingestion) -> Ingestion:
        return decoded([item], into)[0]

    with (
        ThreadPoolExecutor(workers, "decode") as decoders,
        ThreadPoolExecutor(1, "write") as writer,
    ):
        ready = prefetch_map(decoders, decode_one, items, ahead=BATCH + 2 * workers)
        batches = (encoded(batch, into.encoder) for batch in batched(ready, BATCH))
        yield from chain.from_iterable(prefetch_map(writer, write_items, batches, ahead=2))


def ingest(
    inputs: Iterable[Input],
    into: Catalogue,
    progress: Progress = iter,
    checksum: bool = False,
    process: Process = process_here,
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
        items = map(Ingestion, waiting) if checksum else changed(waiting, pinned.store, counts)
        for item in process(items, pinned, upgraded):
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


def _until(upgraded: Event, inputs: Iterable[Input]) -> Iterator[Input]:
    """The inputs, until another program has upgraded the catalogue to another encoder."""
    for given in inputs:
        yield given
        if upgraded.is_set():
            return
