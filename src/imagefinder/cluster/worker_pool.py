"""Worker pool: shards go to workers that are ready, and to others when workers are lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import first_done
from imagefinder.cluster.task import own_error
from imagefinder.cluster.worker import Worker
from imagefinder.errors import ClusterError

_IN_FLIGHT = 2  # shards for each worker: one to work on, one that waits beside it
_ATTEMPTS = 2  # before a shard that ends its workers is divided
_MOST_LOST = 3  # times as many as there are to be

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """Items that one worker processes in one call: dataclasses with a field ``failure``."""

    items: Sequence[Any]
    attempts: int = 0
    """How many workers were lost with it."""

    def after_loss(self) -> list[Shard]:
        """What to try next: the same, or its halves, so that one image cannot stop the others."""
        if self.attempts + 1 < _ATTEMPTS:
            return [replace(self, attempts=self.attempts + 1)]
        middle = (len(self.items) + 1) // 2
        return [Shard(half) for half in (self.items[:middle], self.items[middle:]) if half]

    @property
    def is_hopeless(self) -> bool:
        """Whether it is one image with which several workers were lost."""
        return len(self.items) == 1 and self.attempts + 1 >= _ATTEMPTS


@dataclass
class Starts:
    """Watches the starts of workers: they may be lost, but not all of them, one after the other."""

    count: int
    """How many workers there are to be."""
    _lost: int = 0

    def note_loss(self, error: Exception) -> None:
        """A worker has not begun. Raises ClusterError if another one would not either."""
        cause = getattr(error, "cause", None)
        if cause is not None or _is_of_init(error):
            said = cause if cause is not None else _last_line(error)
            raise ClusterError(f"a worker cannot begin: {said}") from error
        self._lost += 1
        if self._lost > _MOST_LOST * self.count:
            raise ClusterError(
                f"{self._lost} workers were lost before they began, one after the other: is memory "
                f"short on their machines? ({_last_line(error)})"
            ) from error

    def note_success(self) -> None:
        """A worker has begun."""
        self._lost = 0


@dataclass
class WorkerPool:
    """Actors of a Ray cluster. A worker that is lost is replaced, wherever there is room for one.

    Its shards go to the others. No worker has more than a few shards waiting, so a source is read
    no faster than its images are encoded.
    """

    ray: Any
    start: Callable[[], Any]
    """Starts an actor, a Worker."""
    count: int
    _starting: dict[Any, Any] = field(default_factory=dict)
    _working: dict[Any, tuple[Any, Shard]] = field(default_factory=dict)
    _ready: list[Any] = field(default_factory=list)
    _starts: Starts = field(init=False)

    def __post_init__(self) -> None:
        self._starts = Starts(self.count)

    def process(self, shards: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
        """The processed items of each shard, in the order in which they come back.

        Raises ClusterError if workers cannot begin.
        """
        try:
            yield from self._process(iter(shards))
        finally:
            for worker in (*self._starting.values(), *self._ready):
                self.ray.kill(worker)

    def _process(self, unread: Iterator[Sequence[Any]]) -> Iterator[list[Any]]:
        for _ in range(self.count):
            self._start()
        again: deque[Shard] = deque()
        is_read = False
        while True:
            while not is_read or again:
                worker = self._free()
                if worker is None:
                    break
                shard = again.popleft() if again else _next(unread)
                if shard is None:
                    is_read = True
                    continue
                self._working[worker.process.remote(list(shard.items))] = worker, shard
            if is_read and not again and not self._working:
                return
            yield from self._wait(again)

    def _wait(self, again: deque[Shard]) -> Iterator[list[Any]]:
        """Wait until a worker begins, ends a shard or is lost."""
        done = first_done(self.ray, [*self._working, *self._starting])
        if done in self._starting:
            self._begun(done)
            return
        worker, shard = self._working.pop(done)
        try:
            yield self.ray.get(done)
        except self.ray.exceptions.RayTaskError as error:
            raise own_error(error) from error  # which another worker would have too
        except self.ray.exceptions.RayError as error:
            self._replace(worker)
            if shard.is_hopeless:
                yield [replace(item, failure=_HOPELESS) for item in shard.items]
            else:
                _log.warning("a worker was lost with %d images: %s", len(shard.items), error)
                again.extend(shard.after_loss())

    def _begun(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            self._starts.note_loss(error)
            self._start()
        else:
            self._starts.note_success()
            self._ready.append(worker)

    def _start(self) -> None:
        worker = self.start()
        self._starting[worker.begin.remote()] = worker

    def _replace(self, worker: Any) -> None:
        if worker in self._ready:
            self._ready.remove(worker)
            self._start()

    def _free(self) -> Any | None:
        """The ready worker with the fewest shards, if it may have another one."""
        loads = [sum(one is worker for one, _ in self._working.values()) for worker in self._ready]
        least = min(loads, default=_IN_FLIGHT)
        return self._ready[loads.index(least)] if least < _IN_FLIGHT else None


def worker_pool(
    ray: Any,
    options: ClusterOptions,
    kind: type[Worker],
    location: str,
    catalogue: Catalogue,
    *more: object,
) -> WorkerPool:
    """A pool of workers of a kind for a catalogue, one for each core of the cluster."""
    actor = ray.remote(num_cpus=1, max_restarts=0)(kind)
    given = location, catalogue.store.recipe, catalogue.limits, *more
    return WorkerPool(ray, lambda: actor.remote(*given), worker_count(ray, options))


def worker_count(ray: Any, options: ClusterOptions) -> int:
    """As many as there are to be, or as the cluster has cores; one waits for a first machine."""
    cores = int(ray.cluster_resources().get("CPU", 0))
    if not cores:
        _log.warning("no machine of the cluster has a core: waiting until one joins it")
    return options.workers or max(1, cores)


_HOPELESS = "the workers that decoded it have ended: is it an attack, or is memory short?"


def _next(shards: Iterator[Sequence[Any]]) -> Shard | None:
    items = next(shards, None)
    return None if items is None else Shard(items)


def _is_of_init(error: Exception) -> bool:
    return "creation task" in str(error)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
