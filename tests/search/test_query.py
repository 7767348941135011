"""What may be searched with: several images, a part of one, words, and what to turn away from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder import Finder, ImageError, NotFound, PluginError, StoreError, UnreadableImage
from imagefinder.images.decode import decode, load_image
from imagefinder.images.formats import open_image
from imagefinder.images.signature import ncc_signature
from imagefinder.search.hits import Hits
from imagefinder.search.query import Query, QueryBuilder, QueryImage
from imagefinder.search.ranking import Ranking, fuse
from imagefinder.types import (
    Box,
    Entry,
    Features,
    Image,
    Measure,
    Record,
    Resize,
    Signature,
    key_of,
)

from ..mean_color import Colours

COUNT = 30


@dataclass(frozen=True)
class Quarters:
    """A local encoder: a row for each quarter that is not black."""

    dim: ClassVar[int] = 3
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        rows = [image.reshape(4, 3).astype(np.float32) for image in images]
        return [row[row.sum(axis=1) > 0] for row in rows]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Images of four colours each."""
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(4)
    for number in range(COUNT):
        quarters = rng.integers(1, 256, (2, 2, 3), np.uint8)
        PIL.Image.fromarray(np.kron(quarters, np.ones((20, 30, 1), np.uint8))).save(
            folder / f"{number:02}.png"
        )
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def finder(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    """A catalogue of all of them, which no test may alter."""
    with Finder.create(tmp_path_factory.mktemp("catalogue") / "c.db", Colours()) as made:
        assert made.add(files).added == COUNT
        yield made


def made_by(encoder: Any, files: list[Path], folder: Path, index: str = "exact") -> Finder:
    finder = Finder.create(folder / "c.db", encoder, index=index)
    finder.add(files)
    return finder


def row_of(image: Path | Image) -> Features:
    return Colours().encode([decode(image, Colours.resize).pixels])[0]


def unit(rows: Features) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def by_score(scores: np.ndarray, files: list[Path]) -> list[tuple[str, float]]:
    order = np.argsort(-scores, kind="stable")
    return [(str(files[place]), float(scores[place])) for place in order]


def found(hits: Hits) -> list[tuple[str, float]]:
    return [(hit.path or "?", hit.score) for hit in hits]


def ranking(hits: Hits) -> Ranking:
    return [(hit.record.key, hit.score) for hit in hits]


def paths(hits: Hits) -> list[str | None]:
    return [hit.path for hit in hits]


def agree(hits: Hits, wanted: list[tuple[str, float]]) -> None:
    assert paths(hits) == [path for path, _ in wanted]
    assert_allclose([hit.score for hit in hits], [score for _, score in wanted], atol=1e-5)


def test_several_images_are_searched_with_by_the_mean_of_their_rows(
    finder: Finder, files: list[Path]
) -> None:
    every = unit(np.concatenate([row_of(file) for file in files]))
    for chosen in ([2, 9], [1, 5, 8, 13]):
        mean = unit(every[chosen].mean(axis=0, keepdims=True))
        hits = finder.search([files[n] for n in chosen], COUNT)
        agree(hits, by_score((every @ mean.T)[:, 0], files))


def test_their_order_does_not_matter_and_one_given_twice_counts_twice(
    finder: Finder, files: list[Path]
) -> None:
    one, other = files[:2]
    assert paths(finder.search([one, other], 9)) == paths(finder.search([other, one], 9))
    twice = finder.search([one, one, other], 9)
    rows = unit(np.concatenate([row_of(file) for file in (one, one, other)]))
    every = unit(np.concatenate([row_of(file) for file in files]))
    wanted = every @ unit(rows.mean(axis=0, keepdims=True)).T
    agree(twice, by_score(wanted[:, 0], files)[:9])


def test_one_image_in_a_list_is_one_image(finder: Finder, files: list[Path]) -> None:
    assert finder.search([files[3]], 5) == finder.search(files[3], 5)


def test_files_bytes_pixels_ids_and_hits_go_together(finder: Finder, files: list[Path]) -> None:
    wanted = finder.search(files[:6], 5)
    hits = [finder.search(file, 1)[0] for file in files[:6]]
    mixed: list[QueryImage] = [
        files[0],
        files[1].read_bytes(),
        np.asarray(PIL.Image.open(files[2])),
        hits[3].id,
        hits[4],
        BytesIO(files[5].read_bytes()),
    ]
    agree(finder.search(mixed, 5), found(wanted))
    agree(finder.search(iter(mixed[:5]), 5), found(finder.search(files[:5], 5)))


def test_what_a_search_found_may_be_searched_with(finder: Finder, files: list[Path]) -> None:
    three = finder.search(files[0], 3)
    assert paths(finder.search(three, 5)) == paths(finder.search([hit.id for hit in three], 5))


def test_minus_turns_away(finder: Finder, files: list[Path]) -> None:
    every = unit(np.concatenate([row_of(file) for file in files]))
    wanted = every[[2, 3]].mean(axis=0, keepdims=True) - every[[7, 11]].mean(axis=0, keepdims=True)
    hits = finder.search([files[2], files[3]], COUNT, minus=[files[7], files[11]])
    agree(hits, by_score((every @ unit(wanted).T)[:, 0], files))
    places = paths(hits)
    assert places.index(str(files[7])) > paths(finder.search(files[2:4], COUNT)).index(
        str(files[7])
    )


@pytest.mark.parametrize("encoder", ["dhash", Quarters()])
def test_where_rows_cannot_be_averaged_each_of_them_votes(
    encoder: Any, files: list[Path], tmp_path: Path
) -> None:
    with made_by(encoder, files, tmp_path) as finder:
        votes = [dict(found(finder.search(file, COUNT))) for file in files[:2]]
        means = {path: (votes[0][path] + votes[1][path]) / 2 for path in votes[0]}
        hits = finder.search(files[:2], COUNT)
        assert dict(found(hits)) == pytest.approx(means, abs=1e-5)
        with pytest.raises(ValueError, match="negative examples"):
            finder.search(files[0], minus=files[1])


def test_a_part_is_searched_with_as_if_it_were_cut_out(finder: Finder, files: list[Path]) -> None:
    box: Box = (10, 5, 37, 21)
    pixels = decode(files[4]).pixels[5:26, 10:47]
    wanted = finder.search(pixels, 9)
    (hit,) = finder.search(files[4], 1)
    for image in (files[4], str(files[4]), files[4].read_bytes(), hit.id, hit):
        assert found(finder.search(image, 9, crop=box)) == found(wanted)


def test_each_of_several_is_cut_but_not_what_to_turn_away_from(
    finder: Finder, files: list[Path]
) -> None:
    box: Box = (0, 0, 30, 20)
    cut = [decode(file).pixels[:20, :30] for file in files[:3]]
    assert paths(finder.search(files[:3], 9, crop=box)) == paths(finder.search(cut, 9))
    assert paths(finder.search(files[:3], 9, minus=files[5], crop=box)) == paths(
        finder.search(cut, 9, minus=files[5])
    )


def test_a_part_is_counted_in_upright_pixels(finder: Finder, tmp_path: Path) -> None:
    lying = PIL.Image.fromarray(np.arange(60 * 40 * 3, dtype=np.uint8).reshape(40, 60, 3))
    turned = PIL.Image.Exif()
    turned[0x0112] = 6
    lying.save(tmp_path / "turned.png", exif=turned)
    upright = np.asarray(lying.rotate(-90, expand=True))
    assert upright.shape == (60, 40, 3)
    hits = finder.search(tmp_path / "turned.png", 5, crop=(0, 20, 40, 40))
    assert found(hits) == found(finder.search(upright[20:], 5))


@pytest.mark.parametrize(
    "box",
    [(0, 0, 61, 40), (0, 0, 60, 41), (-1, 0, 5, 5), (60, 0, 1, 1), (5, 5, 0, 9), (5, 5, 9, -1)],
)
def test_a_part_that_is_none_is_said_with_the_images_size(
    finder: Finder, files: list[Path], box: Box
) -> None:
    given = ",".join(map(str, box))
    with pytest.raises(ImageError, match=rf"00\.png: the crop {given} .* 60 × 40 pixels"):
        finder.search(files[0], crop=box)
    with pytest.raises(ImageError, match=f"^the crop {given}"):
        finder.search(decode(files[0]).pixels, crop=box)


def test_all_of_an_image_is_a_part_of_it(finder: Finder, files: list[Path]) -> None:
    whole = finder.search(files[0], 5, crop=(0, 0, 60, 40))
    agree(whole, found(finder.search(files[0], 5)))


def test_no_part_can_be_cut_from_what_has_no_file(tmp_path: Path, files: list[Path]) -> None:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        finder.add(decode(files[0]).pixels)
        copy = tmp_path / "copy.png"
        copy.write_bytes(files[1].read_bytes())
        finder.add(copy)
        gone, in_memory = finder.search(copy, 2)
        copy.unlink()
        with pytest.raises(NotFound, match="given in memory"):
            finder.search(in_memory, crop=(0, 0, 9, 9))
        with pytest.raises(UnreadableImage, match=r"copy\.png: no such file"):
            finder.search(gone.id, crop=(0, 0, 9, 9))


def test_words_alone_find_what_they_say(finder: Finder, files: list[Path]) -> None:
    every = unit(np.concatenate([row_of(file) for file in files]))
    red = unit(Colours().encode_text(["red"])[0])
    agree(finder.search(text="red", k=COUNT), by_score((every @ red.T)[:, 0], files))


def test_words_are_added_to_an_image(finder: Finder, files: list[Path]) -> None:
    every = unit(np.concatenate([row_of(file) for file in files]))
    between = every[6] + unit(Colours().encode_text(["blue"])[0])[0]
    hits = finder.search(files[6], COUNT, text="blue")
    agree(hits, by_score(every @ (between / np.linalg.norm(between)), files))
    away = finder.search(text="blue", minus=files[6], k=COUNT)
    assert paths(away).index(str(files[6])) > paths(hits).index(str(files[6]))


@pytest.mark.parametrize("encoder", ["classic", "dhash"])
def test_an_encoder_without_words_says_which_has_some(
    encoder: str, files: list[Path], tmp_path: Path
) -> None:
    with made_by(encoder, files[:2], tmp_path) as finder:
        for image in (None, files[0]):
            with pytest.raises(PluginError, match=rf"{encoder} has no text encoder: .*clip"):
                finder.search(image, text="red")


def test_something_must_be_searched_with(finder: Finder, files: list[Path]) -> None:
    nothings: tuple[Any, ...] = (None, [], ())
    for nothing in nothings:
        with pytest.raises(ValueError, match="an image, a text or vectors"):
            finder.search(nothing)
    with pytest.raises(ValueError, match="an image, a text or vectors"):
        finder.search(minus=files[0])
    with pytest.raises(ValueError, match="at least 1"):
        finder.search(files[0], 0)


SCORES: dict[Measure, Callable[[Features, Features], Any]] = {
    "cosine": lambda rows, query: (unit(rows) @ unit(query).T)[:, 0],
    "l2": lambda rows, query: 1 / (1 + np.linalg.norm(rows - query, axis=1)),
    "dot": lambda rows, query: (rows @ query.T)[:, 0],
}


@pytest.mark.parametrize("measure", ["cosine", "l2", "dot"])
@pytest.mark.parametrize("own", ["cosine", "l2", "dot"])
def test_another_measure_may_be_asked_for(
    own: Measure, measure: Measure, files: list[Path], tmp_path: Path
) -> None:
    rows = np.concatenate([row_of(file) for file in files])
    query = np.asarray(PIL.Image.open(files[3]).transpose(PIL.Image.Transpose.ROTATE_180))
    with made_by(Colours(own), files, tmp_path) as finder:
        hits = finder.search(query, COUNT, measures=[measure])
        agree(hits, by_score(SCORES[measure](rows, row_of(query)), files))
        if measure == own:
            assert hits == finder.search(query, COUNT)


def test_distances_are_those_of_the_measure_asked_for(finder: Finder, files: list[Path]) -> None:
    query = row_of(files[3])
    for hit in finder.search(files[3], 9, measures=["l2"]):
        apart = float(np.linalg.norm(row_of(Path(str(hit.path))) - query))
        assert hit.distance == pytest.approx(apart, abs=1e-4)
    for hit in finder.search(files[3], 9, measures=["dot"]):
        assert hit.distance == -hit.score


def test_an_image_finds_itself_first_by_length_too(finder: Finder, files: list[Path]) -> None:
    for file in files[:5]:
        assert finder.search(file, 1, measures=["l2"])[0].path == str(file)


def test_several_measures_are_fused_by_their_ranks(finder: Finder, files: list[Path]) -> None:
    several: list[list[Measure]] = [["cosine", "l2"], ["l2", "dot", "cosine"]]
    alone = {one: finder.search(files[8], COUNT, measures=[one]) for one in several[1]}
    for chosen in several:
        hits = finder.search(files[8], 5, measures=chosen)
        wanted = fuse([ranking(alone[one]) for one in chosen])[:5]
        assert ranking(hits) == wanted
        assert [hit.distance for hit in hits] == pytest.approx([1 - hit.score for hit in hits])
        assert hits == finder.search(files[8], 5, measures=chosen[::-1])


def test_a_measure_fused_with_itself_ranks_as_it_does_alone(
    finder: Finder, files: list[Path]
) -> None:
    twice = finder.search(files[8], 9, measures=["l2", "l2"])
    assert paths(twice) == paths(finder.search(files[8], 9, measures=["l2"]))
    assert twice[0].score == 1


def test_a_measure_that_does_not_fit_the_vectors_is_refused(
    finder: Finder, files: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="cosine cannot be compared by hamming"):
        finder.search(files[0], measures=["hamming"])
    with (
        made_by("dhash", files[:2], tmp_path) as bits,
        pytest.raises(StoreError, match="hamming cannot be compared by l2"),
    ):
        bits.search(files[0], measures=["hamming", "l2"])


@pytest.mark.parametrize("measures", [["manhattan"], ["l2", ""], "l2"])
def test_a_measure_that_there_is_not_is_refused(
    finder: Finder, files: list[Path], measures: Any
) -> None:
    with pytest.raises(ValueError, match="cosine, l2, dot, hamming"):
        finder.search(files[0], measures=measures)


def test_sqlite_vec_takes_other_measures_too(
    finder: Finder, files: list[Path], tmp_path: Path
) -> None:
    with made_by(Colours(), files, tmp_path, index="sqlite-vec") as scan:
        wanted = finder.search(files[1], 9, measures=["l2"])
        agree(scan.search(files[1], 9, measures=["l2"]), found(wanted))
        with pytest.raises(PluginError, match="sqlite-vec does not support dot"):
            scan.search(files[1], measures=["dot"])


def test_a_file_goes_before_an_id_that_is_written_the_same(
    finder: Finder, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = finder.search(files[0], 2)
    (tmp_path / first.id).write_bytes(Path(str(second.path)).read_bytes())
    monkeypatch.chdir(tmp_path)
    assert finder.search(first.id, 1)[0].id == second.id
    assert finder.search(first, 1)[0].id == first.id, "but a hit is what it is"


# signatures


def query_of(finder: Finder, *images: QueryImage, **options: Any) -> Query:
    return QueryBuilder(finder, **options).query(images)


def assert_signed(query: Query, image: Any) -> None:
    wanted = ncc_signature(image)
    assert query.signature is not None
    assert_array_equal(query.signature.pattern, wanted.pattern)
    assert_array_equal(query.signature.chroma, wanted.chroma)


def test_a_query_of_one_image_has_a_signature(finder: Finder, files: list[Path]) -> None:
    data = files[3].read_bytes()
    for given in (files[3], data, BytesIO(data), PIL.Image.open(files[3])):
        assert_signed(query_of(finder, given), data)


def test_that_of_a_stored_image_is_stored(finder: Finder, files: list[Path]) -> None:
    (hit,) = finder.search(files[3], 1)
    for given in (hit, hit.record, hit.id):
        assert_signed(query_of(finder, given), files[3])


def test_that_of_a_crop_is_of_the_crop(finder: Finder, files: list[Path]) -> None:
    (hit,) = finder.search(files[3], 1)
    for given in (files[3], hit):
        query = query_of(finder, given, crop=(5, 6, 30, 20))
        assert_signed(query, load_image(files[3])[6:26, 5:35])


def test_several_images_have_none(finder: Finder, files: list[Path]) -> None:
    assert query_of(finder, *files[:2]).signature is None
    assert QueryBuilder(finder).query(files[0], minus=files[1]).signature is None
    assert QueryBuilder(finder).query(files[0], text="red").signature is None
    assert QueryBuilder(finder).query(None, text="red").signature is None


def test_without_verification_none_is_made(
    finder: Finder, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign(pixels: Image) -> Signature:
        raise AssertionError("a signature that nothing is compared with")

    assert query_of(finder, files[3], signature=False).signature is None
    monkeypatch.setattr("imagefinder.search.query.signature_of", sign)
    assert finder.search(files[3], 1, verify=0)[0].path == str(files[3])
    with pytest.raises(AssertionError):
        finder.search(files[3], 1, verify=1)


def test_an_image_that_is_stored_without_has_none(files: list[Path], tmp_path: Path) -> None:
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        data = files[0].read_bytes()
        sha256 = hashlib.sha256(data).digest()
        record = Record(key_of(sha256), sha256, len(data), 60, 40)
        finder.store.write([Entry(record, row_of(files[0]))])
        assert query_of(finder, record).signature is None
        assert_signed(query_of(finder, files[0]), files[0])


def test_a_query_is_decoded_once(
    finder: Finder, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def watched(*arguments: Any) -> Any:
        opened.append(1)
        return open_image(*arguments)

    monkeypatch.setattr("imagefinder.images.decode.open_image", watched)
    assert query_of(finder, files[0]).signature is not None
    assert len(opened) == 1
