"""Readiness: only once the index of every catalogue has answered a search."""

from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder.errors import StoreError
from imagefinder.server.routes import status
from imagefinder.server.warmup import Warmup
from imagefinder.stores.sqlite.store import SqliteStore

from .conftest import COUNT, Serve

SEARCH = SqliteStore.search


def warmup_of(client: TestClient) -> Warmup:
    warmup: Warmup = client.app.state.opened.warmup  # type: ignore[attr-defined]
    return warmup


def test_it_is_ready_once_the_index_has_answered(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = Event()

    def search(store: SqliteStore, *given: Any) -> Any:
        assert may_answer.wait(60)
        return SEARCH(store, *given)

    monkeypatch.setattr(SqliteStore, "search", search)
    monkeypatch.setattr(status, "_PATIENCE", 0.0)
    client = serve()
    try:
        early = client.get("/readyz")
        assert (early.status_code, early.headers["retry-after"]) == (503, "5")
        assert "being loaded" in early.json()["detail"]
        assert client.get("/healthz").status_code == 200
    finally:
        may_answer.set()
    assert warmup_of(client).is_done(60)
    assert client.get("/readyz").json()["images"] == COUNT


def test_what_failed_is_tried_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [StoreError("the object store cannot be reached")]

    def search(store: SqliteStore, *given: Any) -> Any:
        if failures:
            raise failures.pop()
        return SEARCH(store, *given)

    monkeypatch.setattr(SqliteStore, "search", search)
    client = serve()
    with pytest.raises(StoreError):
        warmup_of(client).is_done(60)
    assert client.get("/readyz").json()["images"] == COUNT
