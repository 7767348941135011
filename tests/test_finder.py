from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose
from PIL.PngImagePlugin import PngInfo

import imagefinder
from imagefinder import (
    CatalogueExists,
    Finder,
    ModelError,
    NotFound,
    PluginError,
    RecipeMismatch,
    UnencodableImage,
    UnreadableImage,
    embed,
)
from imagefinder.encoders.perceptual_hash import DHash
from imagefinder.images.decode import Source
from imagefinder.indexes.exact import Exact
from imagefinder.registry.factory import make_encoder, recipe_of
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.gallery import draw_scene, view_of
from imagefinder.types import Features, Image, Keys, Measure, Neighbors, Resize

SCENES = ("harbour", "mosaic", "coral-reef", "chessboard")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for scene in SCENES:
        for view in ("size", "light", "clutter"):
            view_of(draw_scene(scene), view, 1).save(folder / f"{scene}-{view}.jpg")
    return folder


@pytest.fixture
def images(drawn: Path, tmp_path: Path) -> Path:
    """A copy to change at will: 4 scenes of 3 views each, of which one lies in a folder below."""
    folder = tmp_path / "images"
    shutil.copytree(drawn, folder)
    (folder / "deep" / "er").mkdir(parents=True)
    shutil.move(folder / "mosaic-size.jpg", folder / "deep" / "er")
    return folder


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    with Finder.create(tmp_path / "c.db") as finder:
        yield finder


@dataclass(frozen=True)
class Corners:
    """A local encoder: the mean colour of each corner that is not black."""

    dim: ClassVar[int] = 3
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 2, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        rows = [image.reshape(4, 3).astype(np.float32) for image in images]
        return [row[row.sum(axis=1) > 0] for row in rows]


@dataclass(frozen=True)
class Moody:
    """Its numbers for reddish images are no numbers, and over bluish ones it fails."""

    dim: ClassVar[int] = 3
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(4, 4, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        means = [image.mean((0, 1), dtype=np.float32)[None] for image in images]
        if any(mean[0, 2] > 200 for mean in means):
            raise RuntimeError("it is all so blue")
        return [np.log(mean - 1) if mean[0, 0] > 200 else mean for mean in means]


class Padded:
    """An index that fills its answers up, as those of several libraries do."""

    def __init__(self, dim: int, measure: Measure) -> None:
        self._exact = Exact(dim, measure)

    def search(self, queries: Features, k: int, subset: Keys | None = None) -> Neighbors:
        found = self._exact.search(queries, k, subset)
        more = ((0, 0), (0, k - found.keys.shape[1]))
        return Neighbors(
            np.pad(found.keys, more, constant_values=-1),
            np.pad(found.scores, more, constant_values=-np.inf),
        )

    def __getattr__(self, name: str) -> object:
        return getattr(self._exact, name)


def names(finder: Finder, query: Source, k: int = 3) -> list[str]:
    return [Path(hit.path or "?").stem for hit in finder.search(query, k)]


def test_the_same_scene_is_found_first(finder: Finder, images: Path) -> None:
    report = finder.add(images)
    assert (report.added, report.failed, len(finder)) == (12, (), 12)
    for scene in SCENES:
        best, *_ = names(finder, view_of(draw_scene(scene), "compression", 5))
        assert best.startswith(scene)


def test_hits_count_up_and_scores_go_down(finder: Finder, images: Path) -> None:
    finder.add(images)
    hits = finder.search(images / "harbour-size.jpg", k=100)
    assert [hit.rank for hit in hits] == list(range(1, 13))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].score == pytest.approx(1, abs=1e-6)
    assert hits[0].distance == pytest.approx(0, abs=1e-6)
    assert hits[1].distance == pytest.approx(1 - hits[1].score)


def test_every_form_of_an_image_finds_it(finder: Finder, images: Path) -> None:
    finder.add(images)
    path = images / "harbour-size.jpg"
    best = finder.search(path, 1)[0]
    with PIL.Image.open(path) as opened, path.open("rb") as file:
        forms: list[Source] = [
            str(path),
            path.read_bytes(),
            file,
            opened,
            np.asarray(opened),
            best.id,
        ]
        for form in forms:
            (hit,) = finder.search(form, 1)
            assert hit.id == best.id
            assert hit.score == pytest.approx(1, abs=1e-3)


def test_an_image_may_be_added_from_memory(finder: Finder) -> None:
    scene = draw_scene("harbour")
    file = io.BytesIO()
    scene.save(file, "PNG")
    assert finder.add([scene, np.asarray(draw_scene("mosaic")), file.getvalue()]).added == 3
    assert finder.add(scene).unchanged == 1
    assert finder.add(np.asarray(scene)).unchanged == 1, "the same pixels"
    hit = finder.search(scene, 1)[0]
    assert hit.path is None
    assert hit.record.width == 480
    assert finder.remove(hit.id).removed == 1
    assert len(finder) == 2


def test_adding_again_reads_nothing(
    finder: Finder, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.add(images)

    def refuse(*_: object) -> None:
        raise AssertionError("an unchanged file was read")

    monkeypatch.setattr("imagefinder.catalogue.stages.read", refuse)
    assert finder.add(images).unchanged == 12


def test_a_known_content_is_not_encoded_again(finder: Finder, images: Path) -> None:
    finder.add(images)
    encoded: list[int] = []

    @dataclass(frozen=True)
    class Counting:
        dim: ClassVar[int] = finder.encoder.dim
        measure: ClassVar[Measure] = finder.encoder.measure
        resize: ClassVar[Resize] = finder.encoder.resize

        def encode(self, images: Sequence[Image]) -> list[Features]:
            encoded.append(len(images))
            return finder.encoder.encode(images)

    beside = Finder(finder.store, Counting())
    shutil.copytree(images, images.parent / "copies")
    shutil.copy(images / "harbour-size.jpg", images / "renamed.jpg")
    os.utime(images / "mosaic-light.jpg", (1, 1))
    report = beside.add([images, images.parent / "copies"])
    assert (report.added, report.unchanged) == (13, 12)
    assert sum(encoded) == 0
    assert len(finder) == 12
    hit = finder.search(images / "harbour-size.jpg", 1)[0]
    assert len(hit.record.files) == 3


def test_identical_new_files_are_encoded_once(finder: Finder, images: Path) -> None:
    for copy in range(5):
        shutil.copy(images / "harbour-size.jpg", images / f"copy-{copy}.jpg")
    assert finder.add(images).added == 17
    assert len(finder) == 12
    assert finder.statistics().vectors == 12


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_second_description_of_one_thing_is_refused(
    finder: Finder, images: Path, in_memory: bool
) -> None:
    path = next(images.glob("*.*"))
    image = path.read_bytes() if in_memory else path
    with pytest.raises(ValueError, match="given twice, with different metadata"):
        finder.add([image, image], metadata=[{"price": 9}, {"price": 30}])
    finder.add([image, image], metadata=[{"price": 9}, {"price": 9}])
    finder.add([image, image], metadata=[{"price": 9}, {"price": 30}], items=["17", "18"])
    (found,) = finder.search(image, k=1, where={"price": 30})
    assert sorted(item.id or "" for item in found.items) == ["", "17", "18"]


def test_a_file_given_twice_counts_once_as_added(finder: Finder, images: Path) -> None:
    report = finder.add([images / "harbour-size.jpg", images / "harbour-size.jpg", images])
    assert (report.added, report.unchanged) == (12, 2)


def test_a_changed_file_is_updated(finder: Finder, images: Path) -> None:
    finder.add(images)
    shutil.copy(images / "mosaic-light.jpg", images / "harbour-size.jpg")
    draw_scene("regatta").save(images / "harbour-light.jpg")
    report = finder.add(images)
    assert (report.updated, report.unchanged) == (2, 10)
    assert len(finder) == 11
    assert names(finder, draw_scene("regatta"), 1) == ["harbour-light"]


def test_two_files_may_change_places(finder: Finder, images: Path) -> None:
    finder.add(images)
    one, two = images / "harbour-size.jpg", images / "mosaic-light.jpg"
    was = one.read_bytes(), two.read_bytes()
    for path, content in ((one, was[1]), (two, was[0])):
        path.write_bytes(content)
        os.utime(path, (5, 5))
    assert finder.add(images).updated == 2
    assert len(finder) == 12
    assert finder.search(was[0], 1)[0].path == str(two)


def test_content_that_moves_while_it_is_removed_is_not_lost(tmp_path: Path) -> None:
    """More files than a batch, each with the content that the one before it had."""
    folder = tmp_path / "images"
    folder.mkdir()
    contents = []
    for number in range(80):
        file = io.BytesIO()
        PIL.Image.new("RGB", (20, 20), (number * 3, 255 - number, number)).save(file, "PNG")
        contents.append(file.getvalue())
        (folder / f"{number:03}.png").write_bytes(contents[-1])
    with Finder.create(tmp_path / "c.db") as finder:
        finder.add(folder)
        for number in range(80):
            path = folder / f"{number:03}.png"
            path.write_bytes(contents[(number + 40) % 80])
            os.utime(path, (7, 7))
        report = finder.add(folder)
        assert (report.updated, report.failed) == (80, ())
        assert (len(finder), finder.statistics().files) == (80, 80)


def test_one_bad_file_stops_nothing_and_is_named(finder: Finder, images: Path) -> None:
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing follows")
    (images / "empty.png").touch()
    report = finder.add([images, images / "missing.jpg"])
    assert report.added == 12
    assert {(Path(f.path).name, f.reason.split(":")[0]) for f in report.failed} == {
        ("broken.jpg", "begins as JPEG, but is truncated, damaged or of an unusual kind"),
        ("empty.png", "the file is empty"),
        ("missing.jpg", "no such file"),
    }


def test_a_file_that_turns_bad_keeps_what_is_stored(finder: Finder, images: Path) -> None:
    finder.add(images)
    (images / "harbour-size.jpg").write_bytes(b"no longer an image")
    report = finder.sync(images)
    assert (report.unchanged, len(report.failed), report.removed) == (11, 1, 0)
    assert len(finder) == 12


@pytest.mark.filterwarnings("ignore:(divide|invalid)")
def test_an_encoder_that_fails_on_an_image_costs_no_other(tmp_path: Path) -> None:
    colours = [(9, n, 9) for n in range(40)] + [(255, 0, 0), (0, 0, 255)]
    images = [PIL.Image.new("RGB", (8, 8), colour) for colour in colours]
    with Finder.create(tmp_path / "c.db", Moody()) as finder:
        report = finder.add(images)
        assert report.added == 40
        assert sorted(failure.reason for failure in report.failed) == [
            "the encoder failed: it is all so blue",
            "the encoder returned values that are not finite",
        ]
        for image in images[-2:]:
            with pytest.raises(UnencodableImage):
                finder.search(image)
        assert len(finder.search(images[0], k=99)) == 40


def test_an_index_may_fill_up_its_answers(
    finder: Finder, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.add(images)
    wanted = [hit.id for hit in finder.search(images / "harbour-size.jpg", 99)]
    monkeypatch.setattr(
        "imagefinder.stores.index_pool.make_index", lambda _, *about: Padded(*about[:2])
    )
    path = images.parent / "c.db"
    with Finder.open(path) as padded:
        assert [hit.id for hit in padded.search(images / "harbour-size.jpg", 99)] == wanted


def test_votes_of_a_local_encoder_do_not_depend_on_k(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with Finder.create(tmp_path / "c.db", Corners()) as finder:
        finder.add([rng.integers(1, 256, (2, 2, 3), np.uint8) for _ in range(20)])
        query = rng.integers(1, 256, (2, 2, 3), np.uint8)
        most = [(hit.id, hit.score) for hit in finder.search(query, 20)]
        assert [(hit.id, hit.score) for hit in finder.search(query, 2)] == most[:2]


def test_a_newer_revision_of_an_encoder_does_not_mix_with_an_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Finder.create(tmp_path / "c.db", "dhash").close()
    monkeypatch.setattr(DHash, "revision", 2, raising=False)
    with pytest.raises(RecipeMismatch, match="revision 2"):
        Finder.open(tmp_path / "c.db")


def test_an_option_that_an_encoder_gained_is_no_mismatch(tmp_path: Path, tiny_model: Path) -> None:
    encoder = make_encoder(f"onnx:{tiny_model}")
    recipe = recipe_of(encoder)
    older = {name: value for name, value in recipe.options.items() if name != "normalize"}
    SqliteStore.create(tmp_path / "c.db", replace(recipe, options=older)).close()
    Finder.open(tmp_path / "c.db").close()
    Finder.open(tmp_path / "c.db", encoder).close()
    with pytest.raises(RecipeMismatch, match=r"onnx\(normalize=False\).*onnx\(normalize=True\)"):
        Finder.open(tmp_path / "c.db", make_encoder(f"onnx:{tiny_model}", {"normalize": True}))


def test_options_that_cannot_be_recorded_make_no_file(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Wrapper:
        inner: Corners
        dim: ClassVar[int] = 3
        measure: ClassVar[Measure] = "l2"
        resize: ClassVar[Resize] = Resize(2, 2)

        def encode(self, images: Sequence[Image]) -> list[Features]:
            return self.inner.encode(images)

    with pytest.raises(PluginError, match="cannot be recorded"):
        Finder.create(tmp_path / "c.db", Wrapper(Corners()))
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_and_any_buffer_are_the_same_image(finder: Finder, images: Path) -> None:
    path = images / "harbour-size.jpg"
    with path.open("rb") as file:
        assert finder.add(file).added == 1
    for same in (path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())):
        assert finder.add(same).unchanged == 1
    assert len(finder) == 1


@pytest.mark.parametrize("bad", [{"a": {1}}, {"a": float("nan")}, {"a": "\udcff"}])
def test_metadata_that_json_cannot_hold_is_refused(
    finder: Finder, images: Path, bad: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="metadata"):
        finder.add(images, metadata=bad)
    assert len(finder) == 0


def test_metadata_must_be_as_many_as_the_images(finder: Finder, images: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        finder.add([images, images], metadata=[{}])


def test_a_catalogue_is_opened_or_created(tmp_path: Path) -> None:
    for images in (0, 1):
        with Finder.open(tmp_path / "new.db", "classic", create=True) as finder:
            assert len(finder) == images
            finder.add(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(FileNotFoundError), Finder.open(tmp_path / "missing.db"):
        pass


def test_errors_are_those_that_python_programs_expect(finder: Finder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        finder.search(tmp_path / "missing.jpg")
    with pytest.raises(LookupError):
        finder.get("0" * 16)


def test_metadata_is_kept_with_the_images(finder: Finder, images: Path) -> None:
    files = sorted(images.glob("*.jpg"))
    finder.add(files, metadata=[{"title": path.stem} for path in files])
    hit = finder.search(files[0], 1)[0]
    assert hit.record.metadata == {"title": files[0].stem}
    finder.add(files)
    assert finder.get(hit.id).metadata == {"title": files[0].stem}, "silence changes nothing"
    finder.add(files[0], metadata={"title": "another"})
    assert finder.get(hit.id).metadata == {"title": "another"}


def test_sync_follows_a_folder(finder: Finder, images: Path) -> None:
    finder.sync(images)
    finder.add(draw_scene("regatta"))
    (images / "harbour-size.jpg").unlink()
    (images / "mosaic-light.jpg").rename(images / "deep" / "moved.jpg")
    report = finder.sync(images)
    assert (report.added, report.removed, report.unchanged) == (1, 2, 10)
    assert len(finder) == 12, "eleven in the folder, one in memory"


def test_sync_does_not_take_a_missing_disk_for_an_empty_one(finder: Finder, images: Path) -> None:
    finder.sync(images)
    shutil.rmtree(images)
    with pytest.raises(NotFound, match="no folder"):
        finder.sync(images)
    images.mkdir()
    with pytest.raises(NotFound, match="mounted"):
        finder.sync(images)
    assert len(finder) == 12


@pytest.mark.skipif(os.sep == "\\", reason="a backslash is part of a name only elsewhere")
def test_a_backslash_in_a_folders_name_is_nothing_special(finder: Finder, images: Path) -> None:
    odd = images.rename(images.parent / "back\\slash")
    finder.sync(odd)
    (odd / "harbour-size.jpg").unlink()
    assert finder.sync(odd).removed == 1
    assert finder.remove(odd).removed == 11


def test_a_name_that_is_too_long_stops_nothing(finder: Finder, images: Path) -> None:
    report = finder.add(["A" * 300, images])
    assert (report.added, len(report.failed)) == (12, 1)


def test_a_model_that_moved_is_named_once(tmp_path: Path, tiny_model: Path, images: Path) -> None:
    old, new = tmp_path / "old.onnx", tmp_path / "new.onnx"
    shutil.copy(tiny_model, old)
    with Finder.create(tmp_path / "c.db", f"onnx:{old}") as finder:
        finder.add(images)
    old.rename(new)
    with Finder.open(tmp_path / "c.db") as finder, pytest.raises(ModelError, match=r"old\.onnx"):
        finder.search(images / "harbour-size.jpg")
    with Finder.open(tmp_path / "c.db", f"onnx:{new}") as finder:
        assert len(finder.search(images / "harbour-size.jpg")) == 3
        assert finder.recipe.runtime["path"] == str(old), "looking changes nothing"
        finder.add(images)
    with Finder.open(tmp_path / "c.db") as finder:
        assert len(finder.search(images / "harbour-size.jpg")) == 3


def test_an_empty_path_is_not_the_current_folder(
    finder: Finder, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder.add(images)
    monkeypatch.chdir(images)
    actions: list[Callable[[str], object]] = [finder.add, finder.sync, finder.remove, finder.search]
    for action in actions:
        with pytest.raises(NotFound, match="path is empty"):
            action("")
    assert len(finder) == 12


def test_an_image_finds_itself_before_others_that_look_the_same(
    tmp_path: Path, images: Path
) -> None:
    for number in range(9):
        with PIL.Image.open(images / "harbour-size.jpg") as image:
            image.save(images / f"same-{number}.png", pnginfo=comment(number))
    with Finder.create(tmp_path / "p.db", "phash") as finder:
        finder.add(images)
        for number in range(9):
            path = images / f"same-{number}.png"
            (hit,) = finder.search(path, k=1)
            assert hit.path == str(path)
            assert finder.search(hit, k=1) == finder.search(hit.id, k=1) == [hit]


def comment(number: int) -> PngInfo:
    about = PngInfo()
    about.add_text("number", str(number))
    return about


def test_errors_name_the_image(finder: Finder, images: Path) -> None:
    finder.add(images)
    with pytest.raises(UnreadableImage, match=r"nope\.jpg: no such file"):
        finder.search("nope.jpg")
    with pytest.raises(UnreadableImage, match=r"nope\.jpg: no such file"):
        embed([images / "harbour-size.jpg", "nope.jpg"])
    with pytest.raises(UnreadableImage, match="image 2: the file is empty"):
        embed([images / "harbour-size.jpg", b""])


def test_what_is_found_says_what_it_is(finder: Finder, images: Path) -> None:
    finder.add(images)
    (hit,) = finder.search(images / "harbour-size.jpg", k=1)
    assert repr(hit).startswith(f"Hit(1, '{hit.id}', score=1.0000")
    assert repr(hit).endswith(f"path='{images / 'harbour-size.jpg'}', verdict='same image')")
    assert repr(finder) == "<Finder by Joined(model='standard', runtime='auto', precision='auto')>"


def test_remove_takes_files_folders_and_ids(finder: Finder, images: Path) -> None:
    finder.add(images)
    id = finder.search(images / "mosaic-light.jpg", 1)[0].id  # noqa: A001  as users call it
    report = finder.remove([id, images / "harbour-size.jpg", images / "deep", "nothing.jpg"])
    assert report.removed == 3
    assert [failure.path for failure in report.failed] == ["nothing.jpg"]
    assert len(finder) == 9
    assert (images / "harbour-size.jpg").exists()


def test_an_unknown_id_is_not_found(finder: Finder) -> None:
    assert len(finder.remove(["f" * 16, "0" * 16]).failed) == 2
    for unknown in ("0" * 16, "f" * 16, "nonsense"):
        with pytest.raises(NotFound, match=unknown):
            finder.get(unknown)
    with pytest.raises(NotFound):
        finder.search("f" * 16)
    with pytest.raises(UnreadableImage, match="no such file"):
        finder.search("nonsense")


def test_an_empty_catalogue_finds_nothing(finder: Finder) -> None:
    assert finder.search(draw_scene("mosaic")) == []
    with pytest.raises(ValueError, match="at least 1"):
        finder.search(draw_scene("mosaic"), k=0)


def test_a_local_encoder_finds_k_images_and_never_a_blank_one(tmp_path: Path) -> None:
    colours = [(200, 10, 10), (10, 200, 10), (10, 10, 200), (200, 200, 10)]
    black = PIL.Image.new("RGB", (8, 8))
    with Finder.create(tmp_path / "c.db", Corners()) as finder:
        finder.add([PIL.Image.new("RGB", (8, 8), colour) for colour in colours])
        assert finder.add(black).added == 1
        hits = finder.search(PIL.Image.new("RGB", (9, 9), (190, 20, 20)), k=4)
        assert len(hits) == len({hit.id for hit in hits}) == 4
        assert hits[0].distance == pytest.approx(np.sqrt(300), rel=1e-4)
        assert finder.search(black) == []
    with pytest.raises(PluginError, match="local"):
        embed([PIL.Image.new("RGB", (8, 8), "red")], Corners())
    with Finder.open(tmp_path / "c.db", Corners()) as finder:
        assert len(finder) == 5


def test_a_catalogue_remembers_its_encoder(tmp_path: Path, images: Path) -> None:
    Finder.create(tmp_path / "p.db", "phash").close()
    with pytest.raises(CatalogueExists):
        Finder.create(tmp_path / "p.db", "phash")
    with pytest.raises(RecipeMismatch, match=r"phash.*dhash"):
        Finder.open(tmp_path / "p.db", "dhash")
    with Finder.open(tmp_path / "p.db") as finder:
        finder.add(images)
        hit = finder.search(images / "mosaic-light.jpg", 1)[0]
        assert (finder.encoder.measure, hit.distance, hit.score) == ("hamming", 0, 1)


def test_sqlite_vec_alone_gives_the_same_hits(tmp_path: Path, finder: Finder, images: Path) -> None:
    finder.add(images)
    with Finder.open(tmp_path / "c.db", index="sqlite-vec") as scan:
        query = images / "coral-reef-clutter.jpg"
        ours, theirs = finder.search(query, 12), scan.search(query, 12)
        assert [hit.id for hit in ours] == [hit.id for hit in theirs]
        assert_allclose([h.score for h in ours], [h.score for h in theirs], atol=1e-5)


def test_many_threads_may_search_while_one_adds(finder: Finder, images: Path) -> None:
    finder.add(images / "harbour-size.jpg")
    wrong: list[object] = []

    def search() -> None:
        for _ in range(8):
            hits = finder.search(images / "harbour-size.jpg", 1)
            if hits[0].path != str(images / "harbour-size.jpg"):
                wrong.append(hits)

    threads = [threading.Thread(target=search) for _ in range(5)]
    for thread in threads:
        thread.start()
    finder.add(images)
    for thread in threads:
        thread.join()
    assert wrong == []


def test_progress_wraps_the_files(finder: Finder, images: Path) -> None:
    seen = []

    def progress(items):  # type: ignore[no-untyped-def]
        for item in items:
            seen.append(item.name)
            yield item

    finder.add(images, progress=progress)
    assert len(seen) == 12


def test_embed_gives_a_row_for_each_image(images: Path) -> None:
    paths = sorted(images.glob("*.jpg"))
    with PIL.Image.open(paths[0]) as opened:
        rows = embed([*paths, opened, np.asarray(opened)])
    assert rows.shape == (13, 384)
    assert rows.dtype == np.float32
    assert_allclose(rows[-1], rows[-2], atol=1e-6)
    assert rows[-1] @ rows[0] > 0.999, "the file is shrunk while it is decoded, pixels are not"
    assert embed(paths[0]).shape == (1, 384)
    assert embed([]).shape == (0, 384)
    assert embed(np.zeros((2, 30, 40, 3), np.uint8)).shape == (2, 384), "an array of images"
    assert embed(paths, encoder="phash").dtype == np.uint8
    with pytest.raises(UnreadableImage):
        embed([paths[0], b"nonsense"])


def test_all_that_is_promised_can_be_imported() -> None:
    for name in imagefinder.__all__:
        assert getattr(imagefinder, name).__name__ or name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        imagefinder.Nothing  # noqa: B018  the access is what is tested


def test_embed_gives_rows_of_length_one_if_asked() -> None:
    greys = np.full((2, 8, 8, 3), 100, np.uint8)
    assert_allclose(embed(greys, Moody()), np.full((2, 3), 100))
    assert_allclose(embed(greys, Moody(), normalize=True), np.full((2, 3), 3**-0.5), atol=1e-6)
    with pytest.raises(ValueError, match="cannot be normalized"):
        embed(greys, "phash", normalize=True)
