"""Search: many queries at a time, answered by all machines of a cluster, into a Parquet file.

Queries → shards → workers (read, decode, encode, search) → this program → rows
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from imagefinder._utils.concurrency import batched
from imagefinder._utils.extras import optional_import
from imagefinder._utils.outputs import check_output, mark, write_output
from imagefinder._utils.text import one_line
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.exclude import excluded
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.queries import queries_of
from imagefinder.cluster.session import ray_session
from imagefinder.cluster.worker import BatchQuery, SearchingWorker
from imagefinder.cluster.worker_pool import worker_pool
from imagefinder.errors import NotFound
from imagefinder.images.walk import FolderWalk
from imagefinder.search.options import SearchOptions
from imagefinder.stores.opening import located
from imagefinder.types import Failure, Progress

COMMAND = "cluster search"


def search(
    catalogue: Catalogue,
    location: str | os.PathLike[str],
    queries: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    results: str | os.PathLike[str],
    options: ClusterOptions | None = None,
    *,
    k: int = 3,
    progress: Progress = iter,
    force: bool = False,
) -> list[Failure]:
    """Write the k most similar images of each query to a Parquet file; returns what has failed.

    ``queries`` are images and folders, URLs of object stores, or a Parquet file with a column
    ``path``, ``image`` or ``url``. A row of the results is a hit: ``query``, ``rank``, ``score``,
    ``distance``, ``id``, ``path``; the rows of a query are together, the queries in any order. Hits
    have no verdicts. ``location`` is where the workers find the catalogue. Raises ClusterError,
    DownloadError for a Parquet file that cannot be read, NotFound if there are no queries,
    OutputError and MissingExtra.
    """
    options = options or ClusterOptions()
    arrow = optional_import("pyarrow", "parquet", "'.parquet'")
    parquet = optional_import("pyarrow.parquet", "parquet", "'.parquet'")
    target = check_output(Path(results), COMMAND, force)
    schema = _schema(arrow)
    failures: list[Failure] = []
    given = [queries] if isinstance(queries, str | os.PathLike) else list(queries)
    walk = FolderWalk(excluded(catalogue.store))
    waiting = iter(progress(_some(queries_of(given, walk), walk)))
    with (
        ray_session(options.address) as ray,
        write_output(target) as unfinished,
        parquet.ParquetWriter(unfinished, schema) as writer,
    ):
        pool = worker_pool(
            ray, options, SearchingWorker, str(located(location)), catalogue, SearchOptions(k=k)
        )
        for answered in pool.process(batched(waiting, options.shard)):
            failures += [Failure(one.given.name, one.failure) for one in answered if one.failure]
            writer.write_batch(arrow.RecordBatch.from_pylist(_rows(answered), schema))
    unreadable = [Failure(str(error.filename), one_line(error)) for error in walk.errors]
    return [*unreadable, *failures]


def _some(queries: Iterator[BatchQuery], walk: FolderWalk) -> Iterator[BatchQuery]:
    """The same. Raises NotFound, which says why there are none, before anything is begun."""
    first = next(queries, None)
    if first is None:
        reasons = [f"{error.filename}: {one_line(error)}" for error in walk.errors]
        raise NotFound(next(iter(reasons), "there are no images to search with"))
    return chain([first], queries)


def _rows(answered: Sequence[BatchQuery]) -> list[dict[str, Any]]:
    return [
        {
            "query": query.given.name,
            "rank": hit.rank,
            "score": hit.score,
            "distance": hit.distance,
            "id": hit.id,
            "path": hit.path,
        }
        for query in answered
        for hit in query.hits
    ]


def _schema(arrow: Any) -> Any:
    kinds = {
        "query": arrow.string(),
        "rank": arrow.int32(),
        "score": arrow.float32(),
        "distance": arrow.float32(),
        "id": arrow.string(),
        "path": arrow.string(),
    }
    return arrow.schema(list(kinds.items()), metadata={"generator": mark(COMMAND)})
