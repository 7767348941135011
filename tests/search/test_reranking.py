"""Searches in which local features decide, over photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, PluginError, UnknownPlugin
from imagefinder.images.decode import decode
from imagefinder.registry.factory import make_extractor, make_matcher
from imagefinder.search.reranking import Candidate
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import (
    Box,
    Correspondences,
    Hit,
    Image,
    LocalFeatures,
    QueryExtractor,
    Record,
)

SIFT = make_extractor("sift", {"features": 80, "side": 320})
MONA_LISAS = ("MonaLisa_Wikipedia.jpg", "MonaLisa_WikiImages.jpg", "MonaLisa_Remix_Flickr.jpg")
STREET = ("DSC_0410.JPG", "DSC_0411.JPG")
OTHERS = ("Caravaggio_Wikipedia.jpg", "easy_hard.jpg", "sacre_coeur1.jpg")


@pytest.fixture(scope="session")
def clothing(assets: Path) -> list[Path]:
    """Four of each kind."""
    kinds = sorted((assets / "data/clothing/test").iterdir())
    return [file for kind in kinds for file in sorted(kind.glob("*.jpg"))[:4]]


@pytest.fixture(scope="session")
def clothes(clothing: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    """A catalogue of photographs, which no test may alter."""
    path = tmp_path_factory.mktemp("clothes") / "c.db"
    with Finder.create(path, "classic", local=SIFT) as finder:
        assert finder.add(clothing).added == len(clothing) == 40
        yield finder


@pytest.fixture(scope="session")
def views(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    """A catalogue of images some of which show the same thing, which no test may alter."""
    files = [assets / "data/pairs/image-match" / name for name in (*MONA_LISAS, OTHERS[0])]
    files += [assets / "data/pairs/lightglue" / name for name in (*STREET, *OTHERS[1:])]
    with Finder.create(tmp_path_factory.mktemp("views") / "c.db", "dhash", local="sift") as finder:
        assert finder.add(files).added == 8
        yield finder


def seen(file: Path) -> LocalFeatures:
    """The local features of an image as a query, which are more than are stored."""
    assert isinstance(SIFT, QueryExtractor)
    (found,) = SIFT.for_queries.extract([decode(file, SIFT.resize).pixels])
    return found


def fewest(one: LocalFeatures, other: LocalFeatures) -> int:
    return max(50, min(len(one), len(other)))


def by_name(finder: Finder, image: object, k: int, **options: object) -> dict[str, Hit]:
    hits = finder.search(image, k, **options)  # type: ignore[arg-type]
    return {Path(hit.path or "?").name: hit for hit in hits}


def mutual_counts(query: LocalFeatures, finder: Finder) -> dict[int, int]:
    """How many of the query's rows and of each image's are each other's nearest, row by row."""
    counts = {}
    for key, other in finder.store.local_features(finder.store.select().tolist()).items():
        apart = np.linalg.norm(query.descriptors[:, None] - other.descriptors[None], axis=2)
        counts[key] = 0
        for row in range(len(query)):
            nearest = int(apart[row].argmin()) if len(other) else -1
            counts[key] += nearest >= 0 and int(apart[:, nearest].argmin()) == row
    return counts


@pytest.mark.parametrize("number", [0, 17])
def test_an_exhaustive_search_ranks_by_mutual_nearest_neighbours(
    clothes: Finder, clothing: list[Path], number: int
) -> None:
    query = seen(clothing[number])
    counts = mutual_counts(query, clothes)
    hits = clothes.search(clothing[number], 40, rerank="mutual", shortlist=None)
    assert {hit.record.key: hit.correspondences for hit in hits} == counts
    stored = clothes.store.local_features(list(counts))
    shares = (count / fewest(query, stored[key]) for key, count in counts.items())
    wanted = sorted(shares, reverse=True)
    assert [hit.score for hit in hits] == pytest.approx(wanted)
    assert hits[0].path == str(clothing[number])


def test_images_that_match_alike_stay_in_the_order_of_their_vectors(
    clothes: Finder, clothing: list[Path]
) -> None:
    places = {hit.id: hit.rank for hit in clothes.search(clothing[3], 40)}
    hits = clothes.search(clothing[3], 40, rerank="mutual", shortlist=None)
    order = [(-hit.score, places[hit.id]) for hit in hits]
    assert order == sorted(order)
    assert len({hit.score for hit in hits}) < 40, "some do match alike"


@pytest.mark.parametrize("rerank", ["mutual", "geometric"])
def test_a_hit_tells_what_matched(clothes: Finder, clothing: list[Path], rerank: str) -> None:
    query = seen(clothing[5])
    stored = clothes.store.local_features(clothes.store.select().tolist())
    matcher = make_matcher(rerank)
    hits = clothes.search(clothing[5], 40, rerank=rerank, shortlist=None)
    assert [hit.rank for hit in hits] == list(range(1, 41))
    for hit in hits:
        match = matcher.match(query, stored[hit.record.key])
        share = 0 if match.verified is False else len(match) / fewest(query, stored[hit.record.key])
        assert (hit.correspondences, hit.verified) == (len(match), match.verified)
        assert (hit.score, hit.distance) == pytest.approx((share, 1 - share))
        assert (hit.region is None) == (hit.correspondences == 0)
        assert hit.region is None or lies_in(hit.region, (hit.record.width, hit.record.height))


def lies_in(region: Box, size: tuple[int, int]) -> bool:
    left, top, width, height = region
    return 0 <= left < left + width <= size[0] and 0 <= top < top + height <= size[1]


def test_fewer_hits_are_the_first_of_more(clothes: Finder, clothing: list[Path]) -> None:
    three, many = (
        clothes.search(clothing[8], k, rerank="geometric", shortlist=None) for k in (3, 40)
    )
    assert [hit.id for hit in three] == [hit.id for hit in many[:3]]


def test_a_stored_image_by_its_id_or_as_a_hit_is_as_by_its_file(
    clothes: Finder, clothing: list[Path]
) -> None:
    (hit,) = clothes.search(clothing[9], 1)
    for asked in (clothing[9], hit.id, hit):
        (found,) = clothes.search(asked, 1, rerank="geometric")
        assert (found.id, found.verified) == (hit.id, True)
        assert found.score > 0.9


def test_a_shortlist_of_all_is_an_exhaustive_search(clothes: Finder, clothing: list[Path]) -> None:
    every, listed = (
        clothes.search(clothing[2], 10, rerank="geometric", shortlist=shortlist)
        for shortlist in (None, 40)
    )
    assert every == listed


def test_only_the_shortlist_and_the_nearest_are_looked_at(
    clothes: Finder, clothing: list[Path]
) -> None:
    query = seen(clothing[2])
    near = {hit.record.key for hit in clothes.search(clothing[2], 4)}
    listed = set(clothes.store.shortlist(query, 6))
    hits = clothes.search(clothing[2], 4, rerank="mutual", shortlist=6)
    assert {hit.record.key for hit in hits} <= near | listed
    counts = mutual_counts(query, clothes)
    best = sorted((counts[key] for key in near | listed), reverse=True)[:4]
    assert [hit.correspondences for hit in hits] == best


def test_a_part_of_an_image_is_found_by_a_short_list(views: Finder, assets: Path) -> None:
    painting = decode(assets / "data/pairs/image-match" / MONA_LISAS[0]).pixels
    part = painting[: len(painting) * 2 // 3]
    hits = by_name(views, part, 2, rerank="geometric", shortlist=3)
    assert next(iter(hits)) == MONA_LISAS[0]
    assert all(hit.verified for hit in hits.values())


@pytest.mark.parametrize("rerank", ["mutual", "geometric"])
def test_other_images_of_the_painting_come_first(views: Finder, rerank: str) -> None:
    hits = by_name(views, query_of(views, MONA_LISAS[0]), 8, rerank=rerank, shortlist=None)
    assert set(list(hits)[:3]) == set(MONA_LISAS)


def test_the_painting_is_verified_in_its_images_and_in_no_other(views: Finder) -> None:
    hits = by_name(views, query_of(views, MONA_LISAS[0]), 8, rerank="geometric", shortlist=None)
    assert {name for name, hit in hits.items() if hit.verified} == set(MONA_LISAS)
    for hit in hits.values():
        assert bool(hit.score) == bool(hit.verified), "no geometry, no score"


def test_two_views_of_a_street_are_verified_and_no_other(views: Finder) -> None:
    hits = by_name(views, query_of(views, STREET[0]), 8, rerank="geometric", shortlist=None)
    assert {name for name, hit in hits.items() if hit.verified} == set(STREET)


def query_of(finder: Finder, name: str) -> Path:
    (path,) = (path for path in finder.store.iter_paths("/") if path.endswith(name))
    return Path(path)


def test_the_region_is_where_the_thing_was_pasted(tmp_path: Path) -> None:
    thing = draw_scene("mosaic")
    small = thing.resize((thing.width * 2 // 3, thing.height * 2 // 3))
    page = PIL.Image.new("RGB", (1000, 800), "white")
    page.paste(small, (310, 240))
    page.save(tmp_path / "page.png")
    with Finder.create(tmp_path / "c.db", "dhash", local="sift") as finder:
        finder.add([tmp_path / "page.png"])
        (hit,) = finder.search(thing, 1, rerank="geometric")
    assert hit.verified
    assert hit.region is not None
    left, top, width, height = hit.region
    assert 305 <= left < left + width <= 315 + small.width
    assert 235 <= top < top + height <= 245 + small.height
    assert width * height > 0.6 * small.width * small.height


@pytest.mark.parametrize(
    ("points", "region"),
    [
        ([], None),
        ([[0.5, 0.5]], (100, 50, 1, 1)),
        ([[0.25, 0.25], [0.5, 0.75]], (50, 25, 50, 50)),
        ([[0, 0], [1, 1]], (0, 0, 200, 100)),
        ([[1, 1]], (199, 99, 1, 1)),
        ([[0.999, 0.5], [0.001, 0.75]], (0, 50, 200, 25)),
    ],
)
def test_a_region_is_the_smallest_box_and_lies_in_the_image(
    points: list[list[float]], region: Box | None
) -> None:
    places = np.array(points, np.float32).reshape(-1, 2)
    pairs = np.zeros((len(places), 2), np.intp)
    record = Record(1, b"", 1, width=200, height=100)
    assert Candidate(1, 0.0, Correspondences(pairs), places).region(record) == region


def test_a_blank_image_is_like_nothing_and_vectors_decide(
    clothes: Finder, clothing: list[Path]
) -> None:
    blank = np.full((300, 200, 3), 128, np.uint8)
    hits = clothes.search(blank, 3, rerank="geometric", shortlist=None)
    assert [hit.id for hit in hits] == [hit.id for hit in clothes.search(blank, 3)]
    assert [(hit.score, hit.correspondences, hit.region) for hit in hits] == [(0.0, 0, None)] * 3


def test_a_part_alone_may_be_searched_with(views: Finder) -> None:
    name = MONA_LISAS[0]
    record = views.search(query_of(views, name), 1)[0].record
    half = (0, 0, record.width, record.height // 2)
    hits = by_name(views, record.id, 8, crop=half, rerank="geometric", shortlist=None)
    assert {found for found, hit in hits.items() if hit.verified} >= {name, MONA_LISAS[1]}
    region = hits[name].region
    assert region is not None
    assert region[1] + region[3] <= record.height * 0.52


def test_without_local_features_there_is_no_second_look(tmp_path: Path, image: Image) -> None:
    with Finder.create(tmp_path / "c.db", "dhash") as finder:
        finder.add(image)
        for rerank in ("mutual", "geometric"):
            with pytest.raises(PluginError, match="--local sift"):
                finder.search(image, rerank=rerank)


@pytest.fixture
def image() -> Image:
    return np.asarray(draw_scene("mosaic"))


@pytest.fixture
def finder(tmp_path: Path, image: Image) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", "classic", local=SIFT) as finder:
        finder.add([image, image[:, ::-1]])
        yield finder


def test_what_cannot_go_with_a_second_look_is_said(finder: Finder, image: Image) -> None:
    with pytest.raises(UnknownPlugin, match="geometric, mutual"):
        finder.search(image, rerank="nearest")
    for together in ({"minus": image}, {"text": "a boat"}):
        with pytest.raises(ValueError, match="single query image"):
            finder.search(image, rerank="mutual", **together)
    with pytest.raises(ValueError, match="single query image"):
        finder.search([image, image], rerank="mutual")
    with pytest.raises(ValueError, match="measures"):
        finder.search(image, rerank="mutual", measures=["l2"])
    for numbers in ({"k": 0}, {"shortlist": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            finder.search(image, rerank="mutual", **numbers)  # type: ignore[arg-type]


def test_an_image_that_came_without_local_features_is_not_asked_by_them(
    finder: Finder, tmp_path: Path, image: Image
) -> None:
    with Finder.create(tmp_path / "other.db", "classic") as other:
        draw_scene("coral-reef").save(tmp_path / "reef.png")
        other.add(tmp_path / "reef.png")
        other.export_vectors(tmp_path / "vectors.npy")
    finder.import_vectors(tmp_path / "vectors.npy")
    (own,) = finder.search(tmp_path / "reef.png", 1)
    with pytest.raises(PluginError, match="without local features"):
        finder.search(own.id, 3, rerank="mutual")
    hits = finder.search(tmp_path / "reef.png", 3, rerank="mutual", shortlist=None)
    assert own.id not in [hit.id for hit in hits], "there is nothing in it to match"


def test_a_reranker_of_ones_own_decides(finder: Finder, image: Image) -> None:
    class Contrary:
        def match(self, query: LocalFeatures, other: LocalFeatures) -> Correspondences:
            same = np.array_equal(query.descriptors, other.descriptors)
            return Correspondences(np.zeros((0 if same else 5, 2), np.intp))

    (first, last) = finder.search(image, 2)
    found = finder.search(first, 2, rerank=Contrary())
    assert [(hit.id, hit.correspondences) for hit in found] == [(last.id, 5), (first.id, 0)]


def test_an_image_pasted_into_another_comes_before_others_of_what_that_shows(
    assets: Path, tmp_path: Path
) -> None:
    """Other photographs of the product agree with more of the query than what is pasted into it."""
    grocery = assets / "data" / "grocery"
    cartons = sorted(grocery.glob("test/**/Garant-Ecological-Medium-Fat-Milk_0*.jpg"))[:4]
    (shot,) = grocery.glob("iconic-*/**/Garant-Ecological-Medium-Fat-Milk_Iconic.jpg")
    garment = sorted((assets / "data/clothing/test/shirt").glob("*.jpg"))[0]
    with PIL.Image.open(shot) as canvas, PIL.Image.open(garment) as pasted:
        query = canvas.convert("RGB").resize((800, 800))
        query.paste(pasted.convert("RGB").resize((300, 400)), (450, 380))
    with Finder.create(tmp_path / "c.db", "dhash", local="sift") as finder:
        finder.add([*cartons, garment])
        hits = finder.search(query, 5, rerank="geometric")
    assert hits[0].path == str(garment)
    assert sum(bool(hit.verified) for hit in hits) > 2, "cartons are verified too"
