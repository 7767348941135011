"""Slow work waits for itself only: health is answered, and so are searches."""

import asyncio
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi import HTTPException

from imagefinder.server.map_cache import MapCache
from imagefinder.server.middleware.gates import GateMiddleware

from ..conftest import Serve

MAPS = 24
ADMITTED = 1 + 16


def test_maps_delay_nothing_else_and_are_refused_when_too_many_wait(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = Event()

    def slow(*_: object) -> Any:
        assert goes_on.wait(60)
        raise HTTPException(418)

    monkeypatch.setattr(MapCache, "get", slow)
    client = serve()
    image = {"image": ("a.jpg", (folder / "03.jpg").read_bytes())}
    with ThreadPoolExecutor(MAPS) as clients:
        maps = [clients.submit(client.get, "/v1/map") for _ in range(MAPS)]
        refused = [one.result() for one in islice(as_completed(maps), MAPS - ADMITTED)]
        assert [one.status_code for one in refused] == [503] * (MAPS - ADMITTED)
        assert refused[0].headers["retry-after"] == "5"
        for path in ("/healthz", "/readyz", "/", "/v1/images", "/v1/stats"):
            assert client.get(path).status_code == 200
        assert client.post("/v1/search", files=image).status_code == 200
        goes_on.set()
        assert [one.result().status_code for one in maps].count(418) == ADMITTED


async def ok(_: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def answered(path: str, **state: bool) -> dict[str, Any]:
    """The beginning of the response to a request."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "path": path, "method": "GET", "state": state}
    asyncio.run(GateMiddleware(ok)(scope, receive, send))
    return sent[0]


def test_a_surplus_connection_may_only_ask_for_health() -> None:
    refused = answered("/v1/stats", is_surplus=True)
    assert refused["status"] == 503
    assert (b"connection", b"close") in refused["headers"]
    assert answered("/healthz", is_surplus=True)["status"] == 200
    assert answered("/v1/stats", is_surplus=False)["status"] == 200
