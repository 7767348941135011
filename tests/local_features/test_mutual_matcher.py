"""Mutual nearest neighbors, by themselves and of real images."""

from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from imagefinder.images.decode import decode
from imagefinder.local_features.mutual_matcher import MutualMatcher
from imagefinder.local_features.sift import Sift
from imagefinder.similarity import unit
from imagefinder.types import LocalFeatures


def local(rows: int, seed: int = 0) -> LocalFeatures:
    rng = np.random.default_rng(seed)
    descriptors = unit(rng.standard_normal((rows, 16)).astype(np.float32))
    return LocalFeatures(rng.random((rows, 2)).astype(np.float32), descriptors)


def test_what_is_the_same_is_paired_wherever_it_lies() -> None:
    one = local(20)
    order = np.random.default_rng(1).permutation(20)
    match = MutualMatcher().match(one, LocalFeatures(one.points[order], one.descriptors[order]))
    assert len(match) == 20
    assert_array_equal(order[match.pairs[:, 1]], match.pairs[:, 0])


def test_it_asks_for_no_geometry() -> None:
    assert MutualMatcher().match(local(9), local(9)).verified is None


def test_an_image_without_local_features_has_no_pairs() -> None:
    for one, other in ((local(0), local(5)), (local(5), local(0)), (local(0), local(0))):
        assert MutualMatcher().match(one, other).pairs.shape == (0, 2)


def test_two_views_of_a_place_have_more_pairs_than_two_places(assets: Path) -> None:
    sift, pairs = Sift(), assets / "data" / "pairs"
    query, same, other = sift.extract(
        [
            decode(pairs / name, sift.resize).pixels
            for name in (
                "lightglue/DSC_0410.JPG",
                "lightglue/DSC_0411.JPG",
                "image-match/Caravaggio_Wikipedia.jpg",
            )
        ]
    )
    assert len(MutualMatcher().match(query, same)) > 1.3 * len(MutualMatcher().match(query, other))
