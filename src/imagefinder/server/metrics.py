"""Prometheus metrics, of one process or of all workers of a server together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import prometheus_client.values
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import Scope

from imagefinder.server.shared_folder import SharedFolder

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())


def share_metrics(shared: SharedFolder, number: int) -> None:
    """Keep this process's metrics, from now on, in files that the other workers can read.

    They are named for the worker's number and not for its process, so that a worker that takes the
    place of another goes on counting where that ended. Raises OSError for a full disk.
    """
    shared.reserve_metrics(number)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared.path)
    value_class = prometheus_client.values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    prometheus_client.values.ValueClass = value_class
    shared.pid_file(number).write_text(str(os.getpid()))


class Metrics:
    """The metrics of one application; unknown paths and methods do not add label values."""

    def __init__(self, shared: SharedFolder | None = None) -> None:
        """In a registry of its own; ``shared`` is that of ``share_metrics``."""
        self._count: Callable[[], int] | None = None
        own = CollectorRegistry()
        common = CollectorRegistry()
        PlatformCollector(registry=common)
        common.register(_Images(self))
        if shared is None:
            ProcessCollector(registry=common)
            self._registries = [common, own]
        else:
            common.register(_Processes(shared))
            everyone = CollectorRegistry()
            everyone.register(_Everyone(shared))
            self._registries = [common, everyone]
        self.running = Gauge(
            "imagefinder_requests_running",
            "Requests in progress",
            multiprocess_mode="livesum",
            registry=own,
        )
        self.batch_size = Histogram(
            "imagefinder_encoded_together",
            "Images encoded in one inference",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=own,
        )
        self._requests = Counter(
            "imagefinder_requests",
            "Requests completed",
            ["method", "route", "status"],
            registry=own,
        )
        self._seconds = Histogram(
            "imagefinder_request_seconds",
            "Time from a request's header to the end of its response",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )

    def watch_images(self, count: Callable[[], int]) -> None:
        """Call ``count`` for the number of images whenever the metrics are read."""
        self._count = count

    @property
    def images(self) -> int | None:
        """The number of images, once it is watched."""
        return self._count() if self._count else None

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Record a completed request; status 0 means that the client disconnected."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return b"".join(map(generate_latest, self._registries))


class _Images(Collector):
    """The number of images. All workers have the same, so it is none of their gauges."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        if (images := self._metrics.images) is not None:
            yield GaugeMetricFamily("imagefinder_images", "Images stored", images)


class _Everyone(Collector):
    """What all workers have counted."""

    def __init__(self, shared: SharedFolder) -> None:
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        merged: Iterable[Metric] = MultiProcessCollector.merge(self._shared.metric_files())  # type: ignore[no-untyped-call]
        yield from merged


class _Processes(Collector):
    """Memory, CPU time and files of each worker, as ProcessCollector gives those of one process."""

    def __init__(self, shared: SharedFolder) -> None:
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for path in self._shared.pid_files():
            with suppress(OSError):  # it has just ended
                pid = path.read_text()
                if not pid:  # it is just being written
                    continue
                for one in ProcessCollector(pid=pid.strip, registry=None).collect():
                    family = Metric(one.name, one.documentation, one.type)
                    family = families.setdefault(one.name, family)
                    for sample in one.samples:
                        family.add_sample(sample.name, {"worker": path.stem}, sample.value)
        yield from families.values()
