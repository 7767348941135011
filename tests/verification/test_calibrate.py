"""A catalogue that knows what a match is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest

from imagefinder import CalibrationError, Ensemble, Finder, calibrate
from imagefinder.errors import EvaluationError
from imagefinder.images.transforms import COPIES
from imagefinder.testing.gallery import draw_scene
from imagefinder.types import Features, Image, Measure, Resize
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.store import load, save

from ..conftest import drawn

COUNT = 80


@dataclass(frozen=True)
class Grid:
    """The brightness of each of 8 × 8 fields, about their mean."""

    dim: ClassVar[int] = 64
    measure: ClassVar[Measure] = "cosine"
    resize: ClassVar[Resize] = Resize(8, 8, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        rows = [image.mean(axis=2, dtype=np.float32).reshape(1, 64) for image in images]
        return [row - row.mean() + np.float32(0.1) for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Different images, in four folders."""
    place = tmp_path_factory.mktemp("different")
    for number in range(COUNT):
        path = place / str(number % 4) / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(drawn(number)).save(path)
    return place


@pytest.fixture
def finder(tmp_path: Path, folder: Path) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db", Grid()) as finder:
        finder.add(folder)
        yield finder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Calibration:
    with Finder.create(tmp_path_factory.mktemp("once") / "c.db", Grid()) as finder:
        finder.add(folder)
        return calibrate(finder, rate=0.02)


def test_a_copy_is_a_match_and_another_image_is_none(
    finder: Finder, learnt: Calibration, folder: Path
) -> None:
    save(finder.store, learnt)
    with PIL.Image.open(folder / "0" / "0.png") as image:
        copy = COPIES["JPEG 20"](image.convert("RGB"))
    (hit, other) = finder.search(copy, 2)
    assert (hit.is_match, other.is_match) == (True, False)
    assert hit.probability is not None
    assert other.probability is not None
    assert hit.probability > 0.5 > other.probability
    assert [one.is_match for one in finder.search(drawn(1000), 3)] == [False] * 3


def test_no_match_is_an_answer(finder: Finder, learnt: Calibration) -> None:
    save(finder.store, learnt)
    assert finder.search(drawn(1000), matches_only=True) == []
    assert finder.search(drawn(1000)).match_ids == []
    stored = finder.search(drawn(3), 5, matches_only=True)
    assert [hit.rank for hit in stored] == [1]
    assert stored.match_ids == [stored[0].id]


def test_a_threshold_needs_no_calibration(finder: Finder) -> None:
    every = finder.search(drawn(3), 10)
    assert finder.search(drawn(3), 10, threshold=every[4].score) == every[:5]
    assert finder.search(drawn(3), threshold=2) == []


def test_without_a_calibration_of_its_own_pixels_decide(finder: Finder) -> None:
    hits = finder.search(drawn(3))
    assert [hit.verdict for hit in hits] == ["same image", "similar", "similar"]
    assert hits.match_ids == [hits[0].id]
    assert finder.search(drawn(3), matches_only=True) == hits[:1]


def test_any_measure_gives_the_same_verdict(finder: Finder, learnt: Calibration) -> None:
    save(finder.store, learnt)
    (own, *_) = finder.search(drawn(3))
    for measures in (["l2"], ["cosine", "l2"], ["cosine"]):
        (hit, *_) = finder.search(drawn(3), measures=measures)  # type: ignore[arg-type]
        assert (hit.verdict, hit.evidence) == (own.verdict, own.evidence)
        assert hit.probability == pytest.approx(own.probability)


def test_nothing_is_said_of_what_is_not_one_image(finder: Finder) -> None:
    hits = finder.search([drawn(3), drawn(4)])
    assert {(hit.verdict, hit.is_match, hit.probability) for hit in hits} == {(None, None, None)}
    assert hits.match_ids is None
    with pytest.raises(CalibrationError, match="one image"):
        finder.search([drawn(3), drawn(4)], matches_only=True)


def test_an_ensemble_goes_on_working(finder: Finder, learnt: Calibration) -> None:
    save(finder.store, learnt)
    together = Ensemble([finder, finder])
    assert [hit.is_match for hit in together.search(drawn(3))] == [True, False, False]
    assert len(together.search(drawn(3), matches_only=True)) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"measure": "l2"}', "null"])
def test_a_damaged_calibration_is_none(finder: Finder, text: str) -> None:
    finder.store.set_metadata("calibration cosine", text)
    assert load(finder.store, "cosine") is None
    assert finder.search(drawn(3))[0].verdict == "same image", "by the shipped one"


def test_it_is_kept_in_the_catalogue(finder: Finder, tmp_path: Path) -> None:
    found = calibrate(finder, rate=0.05)
    with Finder.open(tmp_path / "c.db", Grid()) as again:
        assert load(again.store, "cosine") == found
    assert found == calibrate(finder, rate=0.05), "the same every time"


def test_near_copies_do_not_spoil_it(finder: Finder, learnt: Calibration, folder: Path) -> None:
    for number in range(0, COUNT, 3):
        with PIL.Image.open(folder / str(number % 4) / f"{number}.png") as image:
            copy = COPIES["contrast 0.6"](image.convert("RGB"))
        copy.save(folder.parent / f"{folder.name}-{number}.png")
    copies = sorted(folder.parent.glob(f"{folder.name}-*.png"))
    assert finder.add(copies).added == len(copies)
    spoilt = calibrate(finder, rate=0.02)
    assert spoilt.threshold(COUNT) == pytest.approx(learnt.threshold(COUNT), abs=0.03)


def test_by_labels_a_match_is_of_the_same_folder(finder: Finder) -> None:
    found = calibrate(finder, labels="folder")
    assert found.match_kind == "labels"
    assert found.searches == COUNT


def test_labels_may_come_as_pairs(finder: Finder, tmp_path: Path, folder: Path) -> None:
    names = [f"{number % 4}/{number}.png" for number in range(60)]
    pairs = folder / "pairs.csv"
    lines = [f"{one},{other}\n" for one, other in pairwise(names)]
    pairs.write_text("query,relevant\n" + "".join(lines))
    assert calibrate(finder, labels=pairs).match_kind == "labels"
    pairs.write_text("query,relevant\njust one\n")
    with pytest.raises(EvaluationError, match="line 2"):
        calibrate(finder, labels=pairs)
    with pytest.raises(EvaluationError, match="No such file"):
        calibrate(finder, labels=tmp_path / "none.csv")


def test_what_cannot_be_learnt_from_is_refused(tmp_path: Path, folder: Path) -> None:
    with Finder.create(tmp_path / "few.db", Grid()) as finder:
        finder.add(drawn(0))
        with pytest.raises(CalibrationError, match="too few"):
            calibrate(finder)
        finder.add([drawn(number) for number in range(COUNT)])
        with pytest.raises(CalibrationError, match="--labels"):
            calibrate(finder)
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibrate(finder, rate=1)
        with pytest.raises(CalibrationError, match="share a label"):
            calibrate(finder, labels="folder")


def test_images_that_are_all_alike_are_refused(tmp_path: Path) -> None:
    for number in range(60):
        blank = np.full((9, 9 + number, 3), 50, np.uint8)
        PIL.Image.fromarray(blank).save(tmp_path / f"{number}.png")
    with Finder.create(tmp_path / "same.db", Grid()) as finder:
        finder.add(tmp_path)
        with pytest.raises(CalibrationError, match="shows enough to make copies from"):
            calibrate(finder)


def slide(number: int) -> PIL.Image.Image:
    """A white page with a colored bar and some dark lines."""
    page = PIL.Image.new("RGB", (320, 240), "white")
    draw = PIL.ImageDraw.Draw(page)
    draw.rectangle((0, 0, 320, 24), fill=(30, 60, 120))
    for line in range(3):
        draw.rectangle(
            (20, 60 + 50 * line, 120 + 10 * ((number * 7 + line * 3) % 12), 66 + 50 * line), 20
        )
    return page


def test_blank_pages_slides_and_series_do_not_move_the_threshold(
    tmp_path: Path, folder: Path
) -> None:
    rng = np.random.default_rng(0)
    with Finder.create(tmp_path / "photos.db", Grid()) as finder:
        finder.add(folder)
        photographs = calibrate(finder)
        pages = [
            PIL.Image.fromarray(rng.integers(250, 256, (120, 90, 3)).astype(np.uint8))
            for _ in range(10)
        ]
        scene = draw_scene("harbour")
        series = [
            scene.rotate(turn, resample=PIL.Image.Resampling.BICUBIC).crop((40, 40, 440, 340))
            for turn in np.linspace(-4, 4, 10)
        ]
        for number, image in enumerate([*pages, *map(slide, range(10)), *series]):
            image.save(folder / f"other-{number}.png")
        finder.add(folder)
        mixed = calibrate(finder)
    assert mixed.threshold(100) == pytest.approx(photographs.threshold(100), abs=0.01)
    assert mixed.recall is not None
    assert photographs.recall is not None
    assert mixed.recall == pytest.approx(photographs.recall, abs=0.1)


@dataclass(frozen=True)
class Corners:
    """A local encoder."""

    dim: ClassVar[int] = 3
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        return [image.reshape(4, 3).astype(np.float32) for image in images]


def test_encoders_with_several_rows_are_refused(tmp_path: Path, folder: Path) -> None:
    with Finder.create(tmp_path / "c.db", Corners()) as finder:
        finder.add(folder)
        with pytest.raises(CalibrationError, match="several vectors per image"):
            calibrate(finder)
