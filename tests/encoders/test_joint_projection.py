"""The projection of a joined encoder: unit rows, and a file that gives the same ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder.encoders.joint_projection import JointProjection, Rows, join

DIMS = (6, 9)


def made(seed: int, dim: int = 4) -> JointProjection:
    rng = np.random.default_rng(seed)

    def rows(*shape: int) -> Rows:
        return rng.normal(size=shape).astype(np.float32)

    means = tuple(rows(size) for size in DIMS)
    return JointProjection(("a" * 64, "b" * 64), (1.0, 1.5), means, rows(dim), rows(15, dim))


FINITE = st.floats(-100, 100, width=32)


@given(
    st.integers(0, 99),
    arrays(np.float32, (3, 6), elements=FINITE),
    arrays(np.float32, (3, 9), elements=FINITE),
)
def test_rows_are_finite_and_at_most_of_length_one(seed: int, one: Rows, other: Rows) -> None:
    rows = made(seed)([one, other])
    assert rows.shape == (3, 4)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-4)


@given(st.integers(0, 99), st.floats(0.125, 64))
def test_the_length_of_a_members_vector_does_not_matter(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.normal(size=(2, size)).astype(np.float32) for size in DIMS)
    projection = made(seed)
    assert projection([one * np.float32(factor), other]) == pytest.approx(
        projection([one, other]), abs=1e-4
    )


def test_each_member_counts_as_its_weight_says() -> None:
    rng = np.random.default_rng(0)
    members = [rng.normal(size=(5, size)).astype(np.float32) for size in DIMS]
    joined = join(members, [rows.mean(axis=0) for rows in members], (1.0, 1.5))
    assert np.linalg.norm(joined[:, :6], axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.linalg.norm(joined[:, 6:], axis=1) == pytest.approx(np.full(5, 1.5), abs=1e-5)


def test_the_file_gives_the_same_rows_but_for_rounding() -> None:
    rng = np.random.default_rng(1)
    members = [rng.normal(size=(20, size)).astype(np.float32) for size in DIMS]
    projection = made(2)
    read = JointProjection.from_bytes(projection.to_bytes())
    assert read.sources == projection.sources
    assert read.weights == projection.weights
    assert (read(members) * projection(members)).sum(axis=1).min() > 0.999
    assert read.to_bytes() == projection.to_bytes()
