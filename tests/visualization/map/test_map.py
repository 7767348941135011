"""Which images are on a map, and what is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder import NotFound
from imagefinder.types import Features, Image, Measure, Resize
from imagefinder.visualization.map import make_map
from imagefinder.visualization.map.sampling import draw_sample, mean_vectors

from .conftest import Stocked


@dataclass(frozen=True)
class Vectors:
    """As many equal rows as the first sample says, modulo 3."""

    dim: ClassVar[int] = 2
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(4, 4)

    def encode(self, images: Sequence[Image]) -> list[Features]:
        return [
            np.arange(2 * (image[0, 0, 0] % 3), dtype=np.float32).reshape(-1, 2) for image in images
        ]


def test_all_images_are_on_it_where_there_are_no_more(stocked: Stocked) -> None:
    found = make_map(stocked(8))
    assert (len(found.records), found.total, found.missing, found.groups) == (8, 8, 0, ())
    assert found.coordinates.shape == (8, 2)
    assert found.description == "8 images by classic"
    assert [record.id for record in found.records] == sorted(one.id for one in found.records)


def test_of_more_a_sample_is_drawn(stocked: Stocked) -> None:
    finder = stocked(12)
    found = make_map(finder, by="pca", sample=5)
    assert found.description == "5 of 12 images by classic, a random sample"
    others = [make_map(finder, by="pca", sample=5, seed=seed).records for seed in range(8)]
    assert others[0] == found.records
    assert {len(records) for records in others} == {5}
    assert len({tuple(record.id for record in records) for records in others}) > 3


def test_images_without_a_file_are_left_out_and_counted(stocked: Stocked, tmp_path: Path) -> None:
    finder = stocked(6)
    finder.add(np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "images" / "odd" / "03.png").unlink()
    found = make_map(finder)
    assert found.description == "5 images by classic, 2 left out without a file"


def test_an_empty_catalogue_has_an_empty_map(stocked: Stocked) -> None:
    found = make_map(stocked(0), color="folder")
    assert found.coordinates.shape == (0, 2)
    assert found.description == "0 images by classic"


@pytest.mark.parametrize("sample", [0, -1, 16_385])
def test_a_sample_of_none_or_too_many_is_refused(stocked: Stocked, sample: int) -> None:
    with pytest.raises(ValueError, match="1 to 16,384"):
        make_map(stocked(1), sample=sample)


def test_groups_are_folders_or_metadata(stocked: Stocked) -> None:
    finder = stocked(6)
    found = make_map(finder, color="folder")
    assert sorted(map(str, found.groups)) == ["even"] * 3 + ["odd"] * 3
    by_size = make_map(finder, color="size").groups
    assert sorted(map(str, by_size)) == ["None"] * 4 + ["large"] * 2
    with pytest.raises(NotFound, match="'colour'; there are size"):
        make_map(finder, color="colour")


def test_bits_are_numbers_whose_distances_are_hammings(stocked: Stocked) -> None:
    finder = stocked(4, "dhash")
    records = draw_sample(finder.store, 10).records
    rows = mean_vectors(finder.store, records)
    one, other = (finder.store.features(record.key) for record in records[:2])
    bits = np.bitwise_count(one ^ other).sum()
    assert rows.shape == (4, 64)
    assert ((rows[0] - rows[1]) ** 2).sum() == bits


def test_directions_count_where_scores_are_cosines(stocked: Stocked) -> None:
    finder = stocked(3)
    rows = mean_vectors(finder.store, draw_sample(finder.store, 10).records)
    assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_an_image_of_many_rows_is_their_mean(stocked: Stocked) -> None:
    finder = stocked(9, Vectors())
    records = draw_sample(finder.store, 9).records
    counts = [len(finder.store.features(record.key)) for record in records]
    assert set(counts) == {0, 1, 2}
    rows = mean_vectors(finder.store, records)
    assert_array_equal(rows[:, 0], [max(0, count - 1) for count in counts])


def test_an_image_taken_out_meanwhile_costs_nothing(stocked: Stocked) -> None:
    finder = stocked(3)
    records = draw_sample(finder.store, 3).records
    finder.remove(records[1].id)
    assert not mean_vectors(finder.store, records)[1].any()
