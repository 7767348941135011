"""Smaller catalogues by principal components, and the encoder for what is added to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from imagefinder import (
    CatalogueExists,
    Finder,
    ModelError,
    PluginError,
    RecipeMismatch,
    StoreError,
    UnknownPlugin,
    embed,
)
from imagefinder._utils.atomic import atomic_write
from imagefinder.catalogue.reduction import fit_pca, reduce
from imagefinder.encoders.classic import Classic
from imagefinder.encoders.pca import PcaProjection, Reduced
from imagefinder.errors import NotACatalogue
from imagefinder.registry.factory import make_encoder, make_extractor
from imagefinder.similarity import unit
from imagefinder.testing.contracts import check_encoder
from imagefinder.testing.gallery import SCENES, draw_scene, view_of
from imagefinder.types import Features, Image, Measure, Recipe, Resize

SIFT = make_extractor("sift", {"features": 20, "side": 160})
DIM = 24


@dataclass(frozen=True)
class Quarters:
    """A local encoder: the colours of each quarter."""

    dim: ClassVar[int] = 3
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        return [image.reshape(4, 3).astype(np.float32) for image in images]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve scenes, four views of each."""
    folder = tmp_path_factory.mktemp("gallery")
    for name in SCENES[:12]:
        scene = draw_scene(name)
        for view in ("size", "light", "angle", "compression"):
            view_of(scene, view, 1).save(folder / f"{name}-{view}.jpg")
    return folder


@pytest.fixture(scope="module")
def queries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-compression.jpg"))


@pytest.fixture(scope="module")
def images(folder: Path) -> list[Path]:
    return sorted(set(folder.iterdir()) - set(folder.glob("*-compression.jpg")))


@pytest.fixture(scope="module")
def finder(images: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    """A catalogue of 36 images, which no test may alter."""
    path = tmp_path_factory.mktemp("large") / "large.db"
    with Finder.create(path, "classic", local=SIFT) as made:
        made.add(images, metadata={"kept": True})
        assert len(made) == 36
        yield made


@pytest.fixture(scope="module")
def smaller(finder: Finder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    """The same in fewer numbers, which no test may alter."""
    with reduce(finder, tmp_path_factory.mktemp("small") / "small.db", dim=DIM) as made:
        yield made


def stored(finder: Finder) -> Features:
    return np.concatenate([rows for _, rows in finder.store.iter_records()])


def sample(rows: int = 60, dim: int = 12, seed: int = 0) -> Features:
    """Numbers that differ much more along some directions than others."""
    rng = np.random.default_rng(seed)
    spread = np.geomspace(3, 0.05, dim)
    mixed = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    return np.asarray((rng.standard_normal((rows, dim)) * spread) @ mixed + 1, np.float32)


def recipe(measure: Measure = "l2", dim: int = 12) -> Recipe:
    return Recipe("test", {}, dim, measure)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("dim", [1, 5, 12])
def test_rows_are_as_scikit_learn_transforms_them(dim: int, whiten: bool) -> None:
    rows, others = sample(), sample(seed=1)
    pca = PCA(dim, whiten=whiten, random_state=0).fit(rows)
    projection = fit_pca(rows, recipe(), dim, whiten)
    for given in (rows, others):
        assert projection(given).dtype == np.float32
        assert_allclose(projection(given), pca.transform(given), atol=1e-3)


@pytest.mark.parametrize("whiten", [False, True])
def test_for_cosine_directions_alone_are_reduced_and_given(whiten: bool) -> None:
    rows = sample()
    lengths = np.linspace(0.5, 9, len(rows), dtype=np.float32)[:, None]
    pca = PCA(5, whiten=whiten, random_state=0).fit(unit(rows))
    projection = fit_pca(rows * lengths, recipe("cosine"), 5, whiten)
    assert_allclose(projection(rows * 7), unit(pca.transform(unit(rows))), atol=1e-4)


def test_whitened_directions_count_alike() -> None:
    white = fit_pca(sample(500), recipe(), 8, whiten=True)(sample(500))
    assert_allclose(np.cov(white.T), np.eye(8), atol=1e-3)
    plain = fit_pca(sample(500), recipe(), 8)(sample(500)).var(axis=0)
    assert (np.diff(plain) < 0).all(), "else the first count most"
    assert plain[0] > 20 * plain[-1]


@pytest.mark.parametrize("whiten", [False, True])
def test_where_rows_do_not_differ_nothing_is_made_of_rounding(whiten: bool) -> None:
    rng = np.random.default_rng(2)
    flat = sample(40, 12)
    flat[:, 6:] = flat[:, :6] @ rng.standard_normal((6, 6)).astype(np.float32)
    flatly = np.linalg.svd(flat - flat.mean(axis=0))[2][-1]  # a direction in which none differ
    projection = fit_pca(flat, recipe(), 12, whiten)
    stranger = flat[:1] + np.float32(0.01) * flatly
    assert_allclose(projection(stranger), projection(flat[:1]), atol=0.02)
    few = fit_pca(flat[:4], recipe(), 3, whiten)
    assert np.isfinite(few(flat)).all()
    assert np.abs(few(flat)).max() < 100


@pytest.mark.parametrize(("rows", "dim"), [(60, 0), (60, 13), (5, 5), (1, 1), (0, 1)])
def test_more_numbers_than_there_are_cannot_be_had(rows: int, dim: int) -> None:
    with pytest.raises(PluginError, match=rf"{rows} vectors of 12 components .* not to {dim}"):
        fit_pca(sample(rows), recipe(), dim)


@pytest.mark.parametrize(("measure", "said"), [("hamming", "binary codes"), ("dot", "dot")])
def test_what_has_no_principal_components_is_refused(measure: Measure, said: str) -> None:
    rows = np.ones((40, 12), np.uint8 if measure == "hamming" else np.float32)
    with pytest.raises(PluginError, match=said):
        fit_pca(rows, recipe(measure), 4)


def test_a_projection_comes_back_from_its_bytes() -> None:
    projection = fit_pca(sample(), Recipe("tést", {"a": [1]}, 12, "l2", {"path": "/x"}), 5)
    again = PcaProjection.from_bytes(projection.to_bytes())
    assert (again.recipe, again.recipe.runtime) == (projection.recipe, projection.recipe.runtime)
    assert_array_equal(again.mean, projection.mean)
    assert_array_equal(again.axes, projection.axes)


def saved(mean: Any, axes: Any, dim: int = 4) -> bytes:
    return PcaProjection(recipe(dim=dim), np.array(mean), np.array(axes)).to_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no projection"),
        (b"PK\x03\x04 as an archive begins", "no projection"),
        (b"\x80\x04]\x94.", "no projection"),
        (saved(np.zeros(4), np.zeros((4, 2)))[:-30], "no projection"),
        (saved(np.zeros(3), np.zeros((4, 2))), "do not fit"),
        (saved(np.zeros(4), np.zeros((3, 2))), "do not fit"),
        (saved(np.zeros(4), np.zeros(4)), "do not fit"),
        (saved(np.zeros(4), np.full((4, 2), np.nan)), "do not fit"),
        (saved(["a", "b", "c", "d"], np.zeros((4, 2))), "no projection"),
    ],
)
def test_bytes_that_are_no_projection_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PcaProjection.from_bytes(data)


def test_all_is_taken_along_but_the_numbers(finder: Finder, smaller: Finder) -> None:
    assert len(smaller) == len(finder)
    assert (smaller.recipe.dim, smaller.recipe.measure) == (DIM, "cosine")
    assert smaller.store.extractor == finder.store.extractor
    pairs = zip(finder.store.iter_records(), smaller.store.iter_records(), strict=True)
    for (record, rows), (same, fewer) in pairs:
        assert same == record
        assert same.metadata == {"kept": True}
        assert (rows.shape, fewer.shape) == ((1, 1248), (1, DIM))
        (before,) = finder.store.local_features([record.key]).values()
        (after,) = smaller.store.local_features([record.key]).values()
        assert_allclose(after.points, before.points, atol=1 / 65535)
        assert_allclose(after.descriptors, before.descriptors, atol=0.01)


def test_its_vectors_are_as_scikit_learn_reduces_them(finder: Finder, smaller: Finder) -> None:
    before = unit(stored(finder))
    wanted = unit(PCA(DIM, random_state=0).fit_transform(before))
    assert_allclose(stored(smaller), wanted, atol=1e-3)


def test_the_same_neighbours_are_found_nearly(
    finder: Finder, smaller: Finder, queries: list[Path], images: list[Path]
) -> None:
    shared = []
    for query in queries:
        many, few = ({hit.id for hit in one.search(query, 3)} for one in (finder, smaller))
        shared.append(len(many & few))
    assert np.mean(shared) > 2.2
    for image in images[::5]:
        assert smaller.search(image, 1)[0].path == str(image)


def test_it_opens_again_and_takes_more(finder: Finder, queries: list[Path], tmp_path: Path) -> None:
    query = queries[1]
    with reduce(finder, tmp_path / "s.db", dim=DIM, whiten=True) as made:
        wanted = made.search(query, 5)
    with Finder.open(tmp_path / "s.db") as again:
        assert again.search(query, 5) == wanted
        assert again.add(query).added == 1
        own, *_ = again.search(query, 3)
        assert own.path == str(query)
        assert own.score == pytest.approx(1, abs=1e-5)
        assert again.search(query, 2, rerank="geometric", shortlist=None)[0].verified
    (vector,) = embed(query, f"reduced:{tmp_path / 's.db.pca.npz'}")
    assert vector.shape == (DIM,)


def test_a_model_that_moved_is_known_where_it_is_now(
    tiny_model: Path, queries: list[Path], tmp_path: Path
) -> None:
    first, moved = tmp_path / "first.onnx", tmp_path / "moved.onnx"
    first.write_bytes(tiny_model.read_bytes())
    with Finder.create(tmp_path / "c.db", f"onnx:{first}") as finder:
        finder.add(queries)
    first.rename(moved)
    with Finder.open(tmp_path / "c.db", f"onnx:{moved}") as finder:
        reduce(finder, tmp_path / "s.db", dim=4).close()
    with Finder.open(tmp_path / "s.db") as smaller:
        assert smaller.search(queries[2], 1)[0].path == str(queries[2])


def test_it_can_be_reduced_again(smaller: Finder, images: list[Path], tmp_path: Path) -> None:
    with reduce(smaller, tmp_path / "tiny.db", dim=8) as tiny:
        assert tiny.recipe.dim == 8
        assert tiny.search(images[0], 1)[0].path == str(images[0])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What is left beside a catalogue."""
    rows = embed([np.asarray(image) for image in noise(30)], "classic")
    projection = fit_pca(rows, Finder.create(tmp_path / "o.db", "classic").recipe, 10)
    (tmp_path / "p.npz").write_bytes(projection.to_bytes())
    return tmp_path / "p.npz"


def noise(count: int) -> list[PIL.Image.Image]:
    rng = np.random.default_rng(3)
    small = [PIL.Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)) for _ in range(count)]
    return [image.resize((80, 60)) for image in small]


def test_the_encoder_keeps_the_contract(file: Path) -> None:
    check_encoder(make_encoder(f"reduced:{file}"))


def test_it_gives_what_its_projection_makes_of_the_other(file: Path) -> None:
    reduced = make_encoder(f"reduced:{file}")
    assert (reduced.dim, reduced.measure) == (10, "cosine")
    assert reduced.resize == make_encoder("classic").resize
    images = [np.asarray(image) for image in noise(4)]
    wanted = PcaProjection.from_bytes(file.read_bytes())(embed(images, "classic"))
    assert_allclose(embed(images, reduced), wanted, atol=1e-5)


def test_where_its_file_lies_makes_no_difference(file: Path, tmp_path: Path) -> None:
    image = noise(1)[0]
    with Finder.create(tmp_path / "c.db", make_encoder(f"reduced:{file}")) as finder:
        finder.add(image)
    moved = file.rename(tmp_path / "moved.npz")
    with pytest.raises(ModelError, match=r"p\.npz cannot be read .*reduced:FILE"):
        Finder.open(tmp_path / "c.db")
    with Finder.open(tmp_path / "c.db", f"reduced:{moved}") as finder:
        assert finder.search(image, 1)[0].score == pytest.approx(1, abs=1e-5)
        finder.add(noise(2)[1])
    with Finder.open(tmp_path / "c.db") as finder:
        assert len(finder.search(image)) == 2, "it has been told"


def test_another_file_is_not_taken_for_it(file: Path, tmp_path: Path) -> None:
    Finder.create(tmp_path / "c.db", make_encoder(f"reduced:{file}")).close()
    rows = np.random.default_rng(5).standard_normal((30, 1248)).astype(np.float32)
    other = fit_pca(rows, PcaProjection.from_bytes(file.read_bytes()).recipe, 10)
    file.write_bytes(other.to_bytes())
    with pytest.raises(ModelError, match=r"p\.npz has changed"):
        Finder.open(tmp_path / "c.db")
    with pytest.raises(RecipeMismatch, match="sha256"):
        Finder.open(tmp_path / "c.db", f"reduced:{file}")


def test_a_newer_revision_of_the_other_encoder_does_not_mix_with_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Finder.create(tmp_path / "c.db", make_encoder(f"reduced:{file}")).close()
    monkeypatch.setattr(Classic, "revision", 99, raising=False)
    with pytest.raises(ModelError, match=r"fitted to classic\(.*, not to .* revision 99: reduce"):
        Finder.open(tmp_path / "c.db")


def test_rows_are_sampled_by_their_number_and_not_by_that_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted_to: list[int] = []

    def noted(vectors: Features, *more: Any) -> PcaProjection:
        fitted_to.append(len(vectors))
        return fit_pca(vectors, *more)

    monkeypatch.setattr("imagefinder.catalogue.reduction._SAMPLE", 10)
    monkeypatch.setattr("imagefinder.catalogue.reduction.fit_pca", noted)
    rng = np.random.default_rng(0)
    with Finder.create(tmp_path / "c.db", Quarters()) as finder:
        finder.add([rng.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(9)])
        with pytest.raises(UnknownPlugin, match="Quarters"):  # another program could not make it
            reduce(finder, tmp_path / "s.db", dim=2)
    assert not (tmp_path / "s.db").exists()
    assert fitted_to == [10]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read .No such file"),
        (b"", "not written by imagefinder reduce: it contains no projection"),
        (b"just text", "not written by imagefinder reduce: it contains no projection"),
        (saved(np.zeros(3), np.zeros((4, 2))), "its arrays do not fit"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ModelError, match=rf"x\.npz .*{said}") as refused:
        make_encoder(f"reduced:{tmp_path / 'x.npz'}")
    assert "\n" not in str(refused.value)


def test_a_file_for_an_encoder_that_is_not_there_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(saved(np.zeros(4), np.ones((4, 2))))
    reduced = make_encoder(f"reduced:{tmp_path / 'x.npz'}")
    with pytest.raises(PluginError, match="'test'"):
        _ = reduced.resize


def test_it_has_a_file_and_no_options(file: Path) -> None:
    with pytest.raises(PluginError, match="no option dim"):
        make_encoder(f"reduced:{file}", {"dim": 3})
    with pytest.raises(PluginError, match="reduced:FILE"):
        make_encoder("reduced")
    assert isinstance(make_encoder(f"reduced:{file}"), Reduced)


def test_what_is_there_is_left_alone(finder: Finder, tmp_path: Path) -> None:
    Finder.create(tmp_path / "s.db", "dhash").close()
    (tmp_path / "text.db").write_text("text, and no catalogue")
    (tmp_path / "s.db.pca.npz").write_bytes(b"another's")
    with pytest.raises(CatalogueExists):
        reduce(finder, tmp_path / "s.db", dim=4)
    with pytest.raises(NotACatalogue):
        reduce(finder, tmp_path / "text.db", dim=4)
    assert (tmp_path / "s.db.pca.npz").read_bytes() == b"another's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.db", "s.db.pca.npz", "text.db"]


def test_nothing_is_made_where_it_cannot_be(finder: Finder, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no folder"):
        reduce(finder, tmp_path / "none" / "s.db", dim=4)
    with pytest.raises(PluginError, match="not to 36"):
        reduce(finder, tmp_path / "s.db", dim=36)
    with (
        Finder.create(tmp_path / "empty.db", "classic") as empty,
        pytest.raises(PluginError, match="0 vectors"),
    ):
        reduce(empty, tmp_path / "s.db", dim=4)
    with Finder.create(tmp_path / "bits.db", "dhash") as bits:
        bits.add(noise(9))
        with pytest.raises(PluginError, match="binary codes"):
            reduce(bits, tmp_path / "s.db", dim=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bits.db", "empty.db"]


class _Full(Exception):
    """What a run is cut short by."""


def _interrupted(items: Iterable[Any]) -> Iterator[Any]:
    yield from islice(items, 20)
    raise _Full


def test_a_run_that_is_cut_short_leaves_nothing(finder: Finder, tmp_path: Path) -> None:
    with pytest.raises(_Full):
        reduce(finder, tmp_path / "s.db", dim=4, progress=_interrupted)
    assert not list(tmp_path.iterdir())
    with reduce(finder, tmp_path / "s.db", dim=4) as made:
        assert len(made) == 36
    assert {path.name for path in tmp_path.iterdir()} == {"s.db", "s.db.pca.npz"}


def test_a_killed_run_leaves_files_that_the_next_one_removes(
    finder: Finder, tmp_path: Path
) -> None:
    abandoned, unrelated = ".1-0123abcd-s.db", ".1-0123abcd-other.db"
    for name in (abandoned, unrelated):
        for ending in ("", "-wal", "-shm"):
            (tmp_path / f"{name}{ending}").write_bytes(b"part")
    with atomic_write(tmp_path / "s.db") as living:
        log = living.with_name(f"{living.name}-wal")
        log.write_bytes(b"of a living run")
        reduce(finder, tmp_path / "s.db", dim=4).close()
        assert living.exists() and log.read_bytes() == b"of a living run"
        assert not list(tmp_path.glob(f"{abandoned}*"))
        assert len(list(tmp_path.glob(f"{unrelated}*"))) == 3
        living.write_bytes((tmp_path / "s.db").read_bytes())


def test_what_is_there_already_is_not_replaced(finder: Finder, tmp_path: Path) -> None:
    taken = {"s.db.pca.npz": "choose another path", "s.db-wal": "left from another catalogue"}
    for name, message in taken.items():
        (tmp_path / name).write_bytes(b"mine")
        with pytest.raises(StoreError, match=message):
            reduce(finder, tmp_path / "s.db", dim=4)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_bytes() == b"mine"
        (tmp_path / name).unlink()
