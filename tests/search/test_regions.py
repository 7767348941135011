"""Regions: small things in large scenes are found, and the hit says where."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from imagefinder import Finder, duplicates
from imagefinder.catalogue.reduction import reduce
from imagefinder.encoders.classic import Classic
from imagefinder.encoders.regions import Regions, boxes, pixels_of, whole_encoder
from imagefinder.errors import PluginError, RecipeMismatch
from imagefinder.images.decode import decode
from imagefinder.registry import recipes
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Features, Image, Neighbors
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.criteria import shipped_calibration, shipped_criteria
from imagefinder.verification.store import save

from ..conftest import drawn


def _texture(seed: int, side: int = 240) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(
        PIL.Image.fromarray(coarse).resize((side, side), PIL.Image.Resampling.NEAREST)
    )


def _scene(seed: int, thing: NDArray[np.uint8]) -> Image:
    scene = _texture(seed).copy()
    scene[:160, 80:] = thing[:160, :160]
    return scene


@pytest.mark.parametrize(("grid", "count"), [(2, 5), (3, 14)])
def test_boxes_cover_the_image_and_begin_with_the_whole(grid: int, count: int) -> None:
    every = boxes(grid)
    assert len(every) == count
    assert every[0] == (0, 0, 1, 1)
    for left, top, width, height in every:
        assert min(left, top) >= 0
        assert max(left + width, top + height) <= 1 + 1e-9
    assert pixels_of(every[2], 300, 150) == (100, 0, 200, 100)
    assert pixels_of(every[-1], 1, 1) == (0, 0, 1, 1)


@pytest.mark.parametrize("grid", [2, 3])
def test_an_encoder_with_regions_is_made_again_from_its_recipe(grid: int) -> None:
    encoder = Regions.of(Classic(), grid)
    again = encoder_from(recipes.from_json(recipes.to_json(recipe_of(encoder))))
    image = decode(_texture(1), encoder.resize).pixels
    (rows,), (same,) = encoder.encode([image]), again.encode([image])
    assert rows.shape == (len(boxes(grid)), Classic().dim)
    np.testing.assert_array_equal(rows, same)
    np.testing.assert_array_equal(whole_encoder(again).encode([image])[0], rows[:1])
    (alone,) = Classic().encode([decode(_texture(1), Classic().resize).pixels])
    assert (rows[0] @ alone[0]) / np.linalg.norm(rows[0]) / np.linalg.norm(alone[0]) > 0.95


def test_what_cannot_have_regions_says_so() -> None:
    with pytest.raises(PluginError, match="grid is 2 or 3"):
        make_encoder("regions:classic", {"grid": 4})
    with pytest.raises(PluginError, match="no regions of their own"):
        Regions.of(Regions.of(Classic()))


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    thing = _texture(100, 160)
    with Finder.create(tmp_path / "regions.db", "classic", regions=2) as finder:
        finder.add([_texture(seed) for seed in range(1, 8)] + [_scene(8, thing)])
        yield finder


@pytest.mark.parametrize("kind", ["exact", "kmeans"])
def test_a_thing_in_a_scene_is_found_with_its_region(finder: Finder, kind: str) -> None:
    finder.use_index(kind)
    hits = finder.search(_texture(100, 160), k=8)
    assert len({hit.id for hit in hits}) == 8
    assert hits[0].region == (80, 0, 160, 160)
    whole = finder.search(_texture(3), k=1)[0]
    assert whole.region is None
    assert whole.score == pytest.approx(1, abs=1e-5)
    stored = finder.search(whole, k=2)
    assert stored[0].id == whole.id
    assert finder.search([_texture(3), _texture(4)], k=3)


def test_it_opens_as_it_was_made(finder: Finder, tmp_path: Path) -> None:
    path = tmp_path / "regions.db"
    for encoder, regions in ((None, None), ("classic", None), ("classic", 2)):
        with Finder.open(path, encoder, regions=regions) as opened:
            assert opened.search(_texture(100, 160), k=1)[0].region == (80, 0, 160, 160)
    with pytest.raises(RecipeMismatch, match="made with --regions 2"):
        Finder.open(path, regions=3)
    Finder.create(tmp_path / "without.db", "classic").close()
    with pytest.raises(RecipeMismatch, match="without regions: make another one"):
        Finder.open(tmp_path / "without.db", regions=2)


def test_a_reduced_catalogue_keeps_its_regions(finder: Finder, tmp_path: Path) -> None:
    with reduce(finder, tmp_path / "small.db", dim=8) as smaller:
        assert smaller.statistics().vectors == 8 * 5
    with Finder.open(tmp_path / "small.db") as smaller:
        assert smaller.search(_texture(100, 160), k=1)[0].region == (80, 0, 160, 160)


def test_verdicts_by_score_are_those_of_a_catalogue_without_regions(
    finder: Finder, tmp_path: Path
) -> None:
    genuine, impostor = np.linspace(0.9, 1, 80), np.linspace(0.1, 0.6, 80)
    calibration = Calibration.fit("cosine", 0.001, 8, "copies", impostor, genuine)
    query = _texture(100, 160)
    with Finder.create(tmp_path / "plain.db", "classic") as plain:
        plain.add([_texture(seed) for seed in range(1, 8)] + [_scene(8, query)])
        for one in (finder, plain):
            save(one.store, calibration)
        wanted = {hit.id: hit.probability for hit in plain.search(query, k=8, verify=0)}
    hits = finder.search(query, k=8, verify=0)
    assert hits[0].score > 0.95
    assert {hit.id: hit.probability for hit in hits} == pytest.approx(wanted, abs=0.05)
    by_distance = finder.search(query, k=8, measures=("l2",))
    assert [hit.id for hit in by_distance] == [hit.id for hit in hits]


def test_what_is_shipped_for_an_encoder_holds_with_regions() -> None:
    criteria = shipped_criteria(recipe_of(Regions.of(make_encoder("compact"))))
    assert criteria.by_score == shipped_calibration(recipe_of(make_encoder("compact")))
    assert criteria.by_score is not None


def test_an_image_that_is_removed_meanwhile_is_no_error(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = finder.search(_texture(100, 160), k=1)[0]
    read = SqliteStore.features_of

    def features_of(store: SqliteStore, keys: Sequence[int]) -> dict[int, Features]:
        return {key: rows for key, rows in read(store, keys).items() if key != removed.record.key}

    monkeypatch.setattr(SqliteStore, "features_of", features_of)
    first, second = finder.search(_texture(100, 160), k=2)
    assert (first.id, first.region) == (removed.id, None)
    assert second.evidence is not None


def test_how_familiar_an_image_is_does_not_depend_on_its_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    search = SqliteStore.search

    def counted(store: SqliteStore, query: Features, k: int, *others: Any) -> Neighbors:
        asked.append(len(set(search(store, query, k, *others).keys[0].tolist())))
        return search(store, query, k, *others)

    with Finder.create(tmp_path / "c.db", "classic", regions=2) as finder:
        for number, image in enumerate([*map(drawn, range(8)), np.rot90(drawn(0), 2)]):
            PIL.Image.fromarray(image).save(tmp_path / f"{number}.png")
        finder.add(tmp_path)
        monkeypatch.setattr(SqliteStore, "search", counted)
        duplicates(finder, threshold=0.0)
    assert asked
    assert min(asked) >= 5 + 2
