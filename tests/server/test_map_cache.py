"""The map over HTTP, and its cache."""

import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from imagefinder import Finder
from imagefinder.server import map_cache
from imagefinder.visualization.map.projection import Coordinates, Projection, Vectors, project

from .conftest import COUNT


def get_map(client: TestClient, query: str = "") -> Any:
    answer = client.get(f"/v1/map?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("by", ["tsne", "pca"])
def test_every_image_has_a_place(client: TestClient, by: str) -> None:
    plane = get_map(client, f"by={by}")
    points = plane.pop("points")
    assert plane == {"encoder": "classic", "by": by, "total": COUNT, "gone": 0}
    assert {point["name"] for point in points} == {f"{seed:02}.jpg" for seed in range(COUNT)}
    assert [point["id"] for point in points] == sorted(point["id"] for point in points)
    for way in "xy":
        assert all(0 <= point[way] <= 1 for point in points)
    assert max(max(p[way] for p in points) - min(p[way] for p in points) for way in "xy") == 1


def test_of_more_a_sample_is_drawn(client: TestClient) -> None:
    plane = get_map(client, "by=pca&limit=5")
    assert (len(plane["points"]), plane["total"]) == (5, COUNT)
    assert get_map(client, "by=pca&limit=5") == plane


@pytest.mark.parametrize(
    "query", ["by=umap", "by=x", "limit=0", "by=pca&limit=2001", "limit=1001", "encoder=beit"]
)
def test_an_invalid_request_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/map?{query}").status_code == 422


def test_a_map_is_made_once_and_anew_when_the_images_are_others(
    client: TestClient, catalogue: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(rows: Vectors, by: Projection) -> Coordinates:
        made.append(by)
        return project(rows, by)

    monkeypatch.setattr(map_cache, "project", counted)
    for by in ("pca", "pca", "tsne", "tsne", "pca"):
        first = get_map(client, f"by={by}")
    assert made == ["pca", "tsne"]
    with Finder.open(catalogue) as finder:
        finder.remove(folder / "03.jpg")
    (folder / "04.jpg").unlink()
    after = get_map(client, "by=pca")
    assert made == ["pca", "tsne", "pca"]
    assert (after["total"], after["gone"]) == (COUNT - 1, 1)
    names = {point["name"] for point in first["points"]} - {p["name"] for p in after["points"]}
    assert names == {"03.jpg", "04.jpg"}


def test_the_least_recently_used_maps_are_dropped(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_cache, "_MAX_MAPS", 2)
    for limit in (3, 4, 5):
        get_map(client, f"by=pca&limit={limit}")
    kept = client.app.state.map_cache._maps  # type: ignore[attr-defined]
    assert [len(places) for places in kept.values()] == [4, 5]


def test_waiting_too_long_for_another_map_is_a_503(catalogue: Path) -> None:
    made = map_cache.MapCache()
    with Finder.open(catalogue) as finder, made._lock, pytest.raises(HTTPException) as refused:
        made.get(finder, "pca", 3, timeout=0.01)
    assert refused.value.status_code == 503
    assert refused.value.headers == {"Retry-After": "5"}


def test_without_its_library_it_says_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    answer = client.get("/v1/map")
    assert answer.status_code == 422
    assert "pip install 'imagefinder[reduce]'" in answer.json()["detail"]
