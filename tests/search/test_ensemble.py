"""Several catalogues of the same images asked together, and several measures of one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import pytest

from imagefinder import Ensemble, Finder, NotFound, PluginError, StoreError, UnreadableImage
from imagefinder.images.decode import decode
from imagefinder.search.hits import Hits
from imagefinder.search.ranking import Fusion, Ranking, fuse
from imagefinder.types import Features, Image, Measure, Resize

COUNT = 25
WAYS: tuple[Fusion, ...] = ("reciprocal", "borda", "scores")


@dataclass(frozen=True)
class Channel:
    """One colour of each quarter."""

    number: int
    dim: ClassVar[int] = 4
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        return [image[..., self.number].reshape(1, 4).astype(np.float32) / 255 for image in images]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(8)
    for number in range(COUNT):
        quarters = rng.integers(0, 256, (2, 2, 3), np.uint8)
        image = PIL.Image.fromarray(np.kron(quarters, np.ones((8, 8, 1), np.uint8)))
        image.save(folder / f"{number:02}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def members(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Finder]]:
    """Three catalogues of all the images, which no test may alter."""
    folder = tmp_path_factory.mktemp("members")
    finders = [Finder.create(folder / f"{n}.db", Channel(n)) for n in range(3)]
    for finder in finders:
        assert finder.add(files).added == COUNT
    yield finders
    for finder in finders:
        finder.close()


def ranking(hits: Hits) -> Ranking:
    return [(hit.record.key, hit.score) for hit in hits]


def ids(hits: Hits) -> list[str]:
    return [hit.id for hit in hits]


@pytest.mark.parametrize("how", WAYS)
def test_its_ranking_is_that_of_its_members_fused(
    members: list[Finder], files: list[Path], how: Fusion
) -> None:
    for weights in (None, [1, 2, 0.5], [0, 0, 3]):
        hits = Ensemble(members, how, weights).search(files[4], COUNT)
        alone = [ranking(finder.search(files[4], COUNT)) for finder in members]
        assert ranking(hits) == fuse(alone, how, weights)
        assert [hit.rank for hit in hits] == list(range(1, COUNT + 1))
        assert [hit.distance for hit in hits] == [1 - hit.score for hit in hits]


@pytest.mark.parametrize("how", WAYS)
def test_fewer_hits_are_the_first_of_more(
    members: list[Finder], files: list[Path], how: Fusion
) -> None:
    together = Ensemble(members, how)
    assert together.search(files[7], 3) == together.search(files[7], COUNT)[:3]
    assert len(together.search(files[7])) == 3


@pytest.mark.parametrize("how", WAYS)
def test_what_is_first_in_all_gets_one(
    members: list[Finder], files: list[Path], how: Fusion
) -> None:
    (hit,) = Ensemble(members, how).search(files[7], 1)
    assert (hit.path, hit.score, hit.distance) == (str(files[7]), 1, 0)


@pytest.mark.parametrize("how", WAYS)
def test_one_member_alone_ranks_as_it_does(
    members: list[Finder], files: list[Path], how: Fusion
) -> None:
    alone = members[1].search(files[2], COUNT)
    assert ids(Ensemble(members[1:2], how).search(files[2], COUNT)) == ids(alone)
    weighted = Ensemble(members, how, [0, 1, 0]).search(files[2], COUNT)
    if how == "reciprocal":  # others give shares of nothing, so ties are left to the keys
        assert ids(weighted) == ids(alone)
    assert ids(weighted)[:10] == ids(alone)[:10]


def test_the_order_of_members_does_not_matter_but_weights_do(
    members: list[Finder], files: list[Path]
) -> None:
    there = Ensemble(members, weights=[3, 2, 1]).search(files[0], COUNT)
    back = Ensemble(members[::-1], weights=[1, 2, 3]).search(files[0], COUNT)
    other = Ensemble(members, weights=[1, 2, 3]).search(files[0], COUNT)
    assert there == back
    assert ids(there) != ids(other)


def test_images_are_the_same_by_their_content_wherever_they_lie(
    members: list[Finder], files: list[Path], tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for number, file in enumerate(reversed(files)):
        shutil.copy(file, moved / f"other-{number}.png")
    with Finder.create(tmp_path / "c.db", Channel(2)) as other:
        other.add(moved)
        here = Ensemble([*members[:2], other]).search(files[3], COUNT)
        there = Ensemble([other, *members[:2]]).search(files[3], COUNT)
    wanted = Ensemble(members).search(files[3], COUNT)
    assert ranking(here) == ranking(there) == ranking(wanted)
    assert [hit.path for hit in here] == [hit.path for hit in wanted]
    assert all("elsewhere" in str(hit.path) for hit in there), "as the first member knows them"


def test_an_image_that_a_member_lacks_counts_where_it_is(
    members: list[Finder], files: list[Path], tmp_path: Path
) -> None:
    with Finder.create(tmp_path / "c.db", Channel(1)) as some:
        some.add(files[:10])
        hits = Ensemble([members[0], some]).search(files[3], COUNT)
        one, two = (finder.search(files[3], COUNT) for finder in (members[0], some))
        assert ranking(hits) == fuse([ranking(one), ranking(two)])
        assert len(hits) == COUNT
        assert hits[0].path == str(files[3])
        absent = Ensemble([members[0], some]).search(files[20], COUNT)
        (own,) = (hit for hit in absent if hit.path == str(files[20]))
        assert own.score == 0.5
        with pytest.raises(NotFound, match=own.id):
            Ensemble([members[0], some]).search(own.id)


def test_an_empty_member_halves_the_scores(
    members: list[Finder], files: list[Path], tmp_path: Path
) -> None:
    with Finder.create(tmp_path / "c.db", Channel(1)) as empty:
        hits = Ensemble([members[0], empty]).search(files[3], 5)
        assert ids(hits) == ids(members[0].search(files[3], 5))
        assert hits[0].score == 0.5
        assert Ensemble([empty, empty]).search(files[3]) == []


def test_images_may_be_given_in_any_form(members: list[Finder], files: list[Path]) -> None:
    together = Ensemble(members)
    wanted = ids(together.search(files[5], 6))
    (hit,) = members[0].search(files[5], 1)
    with files[5].open("rb") as file:
        for form in (str(files[5]), files[5].read_bytes(), file, hit.id, hit):
            assert ids(together.search(form, 6)) == wanted
    pixels = np.asarray(PIL.Image.open(files[5]))
    assert ids(together.search(pixels, 1)) == wanted[:1]
    both = together.search([files[5], BytesIO(files[6].read_bytes())], 6)
    assert ids(both) == ids(together.search(files[5:7], 6))


def test_options_hold_for_each_member(members: list[Finder], files: list[Path]) -> None:
    cut = decode(files[5]).pixels[:8, :8]
    together = Ensemble(members)
    assert ids(together.search(files[5], 9, crop=(0, 0, 8, 8))) == ids(together.search(cut, 9))
    away = together.search(files[5], COUNT, minus=files[6])
    alone = [ranking(finder.search(files[5], COUNT, minus=files[6])) for finder in members]
    assert ranking(away) == fuse(alone)
    measured = together.search(files[5], COUNT, measures=["dot"])
    alone = [ranking(finder.search(files[5], COUNT, measures=["dot"])) for finder in members]
    assert ranking(measured) == fuse(alone)


def test_members_of_other_measures_go_together(
    members: list[Finder], files: list[Path], tmp_path: Path
) -> None:
    with Finder.create(tmp_path / "bits.db", "dhash") as bits:
        bits.add(files)
        for how in WAYS:
            hits = Ensemble([members[0], bits], how).search(files[9], COUNT)
            assert hits[0].path == str(files[9])
            assert all(0 <= hit.score <= 1 for hit in hits)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"how": "mean"}, "reciprocal, borda, scores, not by 'mean'"),
        ({"weights": [1, 2]}, "one weight"),
        ({"weights": [1, 2, -1]}, "0 or above"),
        ({"weights": [0, 0, 0]}, "above 0"),
        ({"weights": [1, 2, float("nan")]}, "0 or above"),
        ({"weights": [1, 2, float("inf")]}, "0 or above"),
    ],
)
def test_what_makes_no_ensemble_is_refused_at_once(
    members: list[Finder], arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Ensemble(members, **arguments)


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one finder"):
        Ensemble([])


def test_what_a_member_cannot_do_is_said(members: list[Finder], files: list[Path]) -> None:
    together = Ensemble(members)
    with pytest.raises(PluginError, match="has no text encoder"):
        together.search(text="red")
    with pytest.raises(PluginError, match="--local sift"):
        together.search(files[0], rerank="mutual")
    with pytest.raises(StoreError, match="hamming"):
        together.search(files[0], measures=["hamming"])
    with pytest.raises(UnreadableImage, match=r"none\.png: no such file"):
        together.search("none.png")
    nothings: tuple[Any, ...] = (None, [])
    for nothing in nothings:
        with pytest.raises(ValueError, match="an image, a text or vectors"):
            together.search(nothing)
    with pytest.raises(ValueError, match="at least 1"):
        together.search(files[0], 0)
