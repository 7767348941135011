"""Add: the images of files and folders into a catalogue, encoded by all machines of a cluster.

Files → shards → workers (read, decode, encode) → this program (one commit for several shards)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from threading import Event

from imagefinder._utils.concurrency import batched, prefetch_map
from imagefinder.catalogue import contents
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.stages import Ingestion, written
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import ray_session
from imagefinder.cluster.worker import EncodingWorker
from imagefinder.cluster.worker_pool import worker_pool
from imagefinder.images.inputs import Given
from imagefinder.stores.opening import located
from imagefinder.types import Progress, Report


def add(
    catalogue: Catalogue,
    location: str | os.PathLike[str],
    images: Given | Iterable[Given],
    options: ClusterOptions | None = None,
    *,
    progress: Progress = iter,
    checksum: bool = False,
) -> Report:
    """Add images to a catalogue, as ``Finder.add`` does, with the work done by a cluster.

    ``location`` is where the workers find the catalogue, and the files must have the same paths on
    all machines. What is stored is skipped, so a run that has ended early can simply be repeated;
    workers that are lost are replaced. Raises ClusterError.
    """
    # workers may run in another folder than this program
    process = partial(_process, str(located(location)), options or ClusterOptions())
    return contents.add(catalogue, images, progress=progress, checksum=checksum, process=process)


def _process(
    location: str,
    options: ClusterOptions,
    items: Iterable[Ingestion],
    into: Catalogue,
    upgraded: Event,
) -> Iterator[Ingestion]:
    """A Process by the workers of a cluster, which is started only if there is something to do."""
    shards = batched(items, options.shard)
    first = next(shards, None)
    if first is None:
        return
    write_items = partial(written, store=into.store, upgraded=upgraded)
    with ray_session(options.address) as ray, ThreadPoolExecutor(1, "write") as writer:
        pool = worker_pool(ray, options, EncodingWorker, location, into)
        done = pool.process(chain([first], shards))
        commits = (list(chain(*some)) for some in batched(done, options.shards_in_commit))
        yield from chain.from_iterable(prefetch_map(writer, write_items, commits, ahead=2))
