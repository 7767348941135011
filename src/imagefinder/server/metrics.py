"""Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import Scope

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())


class Metrics:
    """The metrics of one application; unknown paths and methods do not add label values."""

    def __init__(self) -> None:
        """In a registry of its own."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.running = Gauge(
            "imagefinder_requests_running", "Requests in progress", registry=self._registry
        )
        self._images = Gauge("imagefinder_images", "Images stored", registry=self._registry)
        self.batch_size = Histogram(
            "imagefinder_encoded_together",
            "Images encoded in one inference",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self._registry,
        )
        self._requests = Counter(
            "imagefinder_requests",
            "Requests completed",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "imagefinder_request_seconds",
            "Time from a request's header to the end of its response",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def watch_images(self, count: Callable[[], int]) -> None:
        """Call ``count`` for the number of images whenever the metrics are read."""
        self._images.set_function(count)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Record a completed request; status 0 means that the client disconnected."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
