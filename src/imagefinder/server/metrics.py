"""Figures for Prometheus."""

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
    """Of one application; their number does not grow with what is asked."""

    def __init__(self) -> None:
        """In a registry of its own."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.running = Gauge(
            "imagefinder_requests_running", "Requests being answered", registry=self._registry
        )
        self._images = Gauge("imagefinder_images", "Images stored", registry=self._registry)
        self.encoded = Histogram(
            "imagefinder_encoded_together",
            "Queries that one inference encoded",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self._registry,
        )
        self._requests = Counter(
            "imagefinder_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "imagefinder_request_seconds",
            "From a request's head to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, images: Callable[[], int]) -> None:
        """Say how many images there are, whenever somebody asks."""
        self._images.set_function(images)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """One request more. A status of 0 is one whose sender went away."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
