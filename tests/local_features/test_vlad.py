"""VLAD vectors by a codebook that was fit to a sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder.local_features.vlad import Codebook, Matrix, fit_codebook
from imagefinder.similarity import unit

DIM = 16


def descriptors(seed: int, rows: int, dim: int = DIM) -> Matrix:
    return unit(np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32))


@pytest.fixture(scope="module")
def codebook() -> Codebook:
    return fit_codebook(descriptors(0, 600))


def test_a_codebook_has_as_many_words_and_axes_as_the_sample_allows() -> None:
    wide = fit_codebook(descriptors(1, 1100, dim=80))
    assert (wide.mean.shape, wide.axes.shape, wide.words.shape) == ((80,), (80, 32), (256, 32))
    assert wide.dim == 256 * 32
    narrow = fit_codebook(descriptors(1, 40, dim=8))
    assert (narrow.axes.shape, narrow.words.shape) == ((8, 8), (10, 8))


def test_its_axes_are_the_directions_in_which_the_sample_differs_most() -> None:
    sample = descriptors(2, 500) * np.geomspace(8, 0.1, DIM, dtype=np.float32)
    axes = fit_codebook(sample).axes
    assert_allclose(axes.T @ axes, np.eye(DIM), atol=1e-5)
    spread = ((sample - sample.mean(axis=0)) @ axes).var(axis=0)
    _, singular, _ = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
    assert_allclose(spread, singular**2 / len(sample), rtol=1e-3)


def test_words_lie_in_the_midst_of_what_is_nearest_to_them() -> None:
    centers = 5 * descriptors(3, 40)
    rng = np.random.default_rng(3)
    sample = np.repeat(centers, 30, axis=0) + rng.normal(0, 0.01, (1200, DIM)).astype(np.float32)
    book = fit_codebook(sample)
    rows = (sample - book.mean) @ book.axes
    apart = np.linalg.norm(rows[:, None] - book.words[None], axis=2)
    nearest = apart.argmin(axis=1)
    for word in set(nearest.tolist()):
        assert_allclose(book.words[word], rows[nearest == word].mean(axis=0), atol=5e-3)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_few_rows_are_enough_to_learn_from(rows: int) -> None:
    book = fit_codebook(descriptors(4, rows))
    vector = book.vector(descriptors(5, 7))
    assert (len(book.words), vector.shape) == (1, (1, book.dim))
    assert vector.any()


def test_a_codebook_can_be_fit_to_identical_rows() -> None:
    book = fit_codebook(np.repeat(descriptors(6, 1), 300, axis=0))
    assert all(np.isfinite(array).all() for array in (book.mean, book.axes, book.words))
    assert np.isfinite(book.vector(descriptors(7, 9))).all()


def test_the_same_sample_gives_the_same_codebook(codebook: Codebook) -> None:
    assert fit_codebook(descriptors(0, 600)).to_bytes() == codebook.to_bytes()
    assert fit_codebook(descriptors(0, 600), seed=1).to_bytes() != codebook.to_bytes()


def test_no_descriptors_give_zeros(codebook: Codebook) -> None:
    assert_array_equal(
        codebook.vector(np.empty((0, DIM), np.float32)), np.zeros((1, codebook.dim), np.float32)
    )


@given(seed=st.integers(1, 1000), rows=st.integers(1, 40))
def test_each_word_has_length_one_or_zero_whatever_the_order(
    codebook: Codebook, seed: int, rows: int
) -> None:
    given = descriptors(seed, rows)
    vector = codebook.vector(given)
    assert vector.shape == (1, codebook.dim)
    assert vector.dtype == np.float32
    lengths = np.linalg.norm(vector.reshape(codebook.words.shape), axis=1)
    used = np.isin(np.arange(len(lengths)), codebook.residuals(given)[0])
    assert_allclose(lengths, used, atol=1e-5)
    assert_allclose(codebook.vector(given[::-1]), vector, atol=1e-3)


def test_a_vector_is_as_vlad_is_defined(codebook: Codebook) -> None:
    given = descriptors(9, 30)
    sums = np.zeros(codebook.words.shape)
    for row in (given.astype(float) - codebook.mean) @ codebook.axes:
        apart = row - codebook.words
        nearest = np.linalg.norm(apart, axis=1).argmin()
        sums[nearest] += apart[nearest] / np.linalg.norm(apart[nearest])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    wanted = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    assert_allclose(codebook.vector(given), wanted.reshape(1, -1), atol=1e-3)


def test_images_that_share_half_their_parts_are_nearer_than_others(codebook: Codebook) -> None:
    one, other = descriptors(10, 200), descriptors(11, 200)
    shared = np.concatenate([one[:100], other[:100]])
    near, far = (
        unit(codebook.vector(one)) @ unit(codebook.vector(two)).T for two in (shared, other)
    )
    assert near > far + 0.2


def test_a_codebook_comes_back_from_its_bytes(codebook: Codebook) -> None:
    again = Codebook.from_bytes(codebook.to_bytes())
    for name in ("mean", "axes", "words"):
        assert_array_equal(getattr(again, name), getattr(codebook, name))
    assert_array_equal(again.vector(descriptors(9, 5)), codebook.vector(descriptors(9, 5)))


def ones(*shape: int) -> Matrix:
    return np.ones(shape, np.float32)


def saved(*arrays: Matrix) -> bytes:
    return Codebook(*arrays).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense, and not a codebook",
        b"PK\x03\x04 as an archive begins",
        b"\x80\x04]\x94.",  # a pickle
        saved(ones(3), ones(4, 2), ones(5, 2)),
        saved(ones(4), ones(4, 2), ones(5, 3)),
        saved(ones(4), ones(4, 2), ones(0, 2)),
        saved(ones(4), ones(4), ones(5, 2)),
        saved(ones(4), ones(4, 2), ones(5, 2) * np.float32(np.nan)),
        saved(ones(4), ones(4, 2), ones(5, 2).astype(">f4")),
    ],
)
def test_bytes_that_are_no_codebook_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="codebook"):
        Codebook.from_bytes(data)


@given(st.data())
def test_damaged_bytes_give_a_codebook_that_works_or_are_refused(data: st.DataObject) -> None:
    whole = fit_codebook(descriptors(12, 4, dim=3)).to_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="codebook"):
        Codebook.from_bytes(whole[:place])
    damaged = whole[:place] + data.draw(st.binary(min_size=1, max_size=1)) + whole[place + 1 :]
    try:
        book = Codebook.from_bytes(damaged)
    except ValueError:
        return
    assert all(np.isfinite(array).all() for array in (book.mean, book.axes, book.words))
