"""Searching with vectors that are made already."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, embed
from imagefinder.search.hits import Hits
from imagefinder.types import Features, Image

from ..conftest import drawn
from ..mean_color import Colours

COUNT = 8


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        for number in range(COUNT):
            finder.add(PIL.Image.fromarray(drawn(number)))
        yield finder


def ids(hits: Hits) -> list[str]:
    return [hit.id for hit in hits]


def test_the_vector_of_an_image_finds_what_the_image_finds(finder: Finder) -> None:
    image = drawn(3)
    row = encoded(image)
    by_image, by_vector = finder.search(image, k=COUNT), finder.search(vectors=row, k=COUNT)
    assert ids(by_vector) == ids(by_image)
    assert [hit.score for hit in by_vector] == pytest.approx([hit.score for hit in by_image])
    assert by_image[0].verdict is not None
    assert {hit.verdict for hit in by_vector} == {None}


def encoded(image: Image) -> Features:
    (row,) = embed(image, Colours())
    return np.asarray(row)


def test_vectors_join_images_and_filters(finder: Finder) -> None:
    first, second = encoded(drawn(1)), drawn(2)
    together = finder.search([drawn(1), second], k=COUNT)
    assert ids(finder.search(second, vectors=first, k=COUNT)) == ids(together)
    assert len(finder.search(vectors=first, threshold=0.999, k=COUNT)) == 1
    turned = finder.search(second, minus=drawn(1), vectors=first, k=COUNT)
    assert ids(turned) == ids(finder.search([second, drawn(1)], minus=drawn(1), k=COUNT))


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int32, list])
def test_numbers_of_other_types_are_taken(finder: Finder, kind: Any) -> None:
    row = [1, 0, -1] * 4
    given = row if kind is list else np.array(row, kind)
    expected = finder.search(vectors=np.array(row, np.float32))
    assert ids(finder.search(vectors=given)) == ids(expected)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros(5, np.float32), r"the shape \(5,\), but those of the catalogue 12 columns"),
        (np.zeros((0, 12), np.float32), r"the shape \(0, 12\)"),
        (np.zeros((2, 2, 12), np.float32), r"the shape \(2, 2, 12\)"),
        (np.float32(1), r"the shape \(\)"),
        (np.full(12, np.nan, np.float32), "not finite"),
        (np.full(12, np.inf), "not finite"),
        (np.full(12, 1e300), "not finite"),
        (np.zeros(12, np.complex64), "are complex64, instead of float32"),
        (np.full(12, "a"), "instead of float32"),
        (np.full(12, None), "are object"),
    ],
)
def test_what_can_be_no_vector_is_refused(finder: Finder, wrong: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        finder.search(vectors=wrong)


def test_a_query_of_nothing_is_refused(finder: Finder) -> None:
    with pytest.raises(ValueError, match="give an image, a text or vectors"):
        finder.search()
