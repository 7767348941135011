"""A catalogue that goes over to another encoder, while others use it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from imagefinder import Finder, StoreError
from imagefinder.catalogue import reencoding, upgrade
from imagefinder.catalogue.reduction import reduce
from imagefinder.errors import CatalogueExists, EncoderChanged
from imagefinder.images.inputs import Input
from imagefinder.near_duplicates.decisions import decisions, remember
from imagefinder.registry.factory import make_encoder, make_extractor
from imagefinder.verification.calibration import Calibration
from imagefinder.verification.store import load as load_calibration
from imagefinder.verification.store import save as save_calibration

from ..conftest import drawn

COUNT = 12
BEFORE, AFTER = "classic", "dhash"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(COUNT):
        save(folder, seed)
    return folder


@pytest.fixture
def finder(folder: Path) -> Iterator[Finder]:
    """All images, by the encoder before."""
    with Finder.create(folder.parent / "c.db", BEFORE) as finder:
        finder.add(folder)
        yield finder


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencoding, "_BATCH", 4)
    monkeypatch.setattr(reencoding, "_PAGE", 5)
    monkeypatch.setattr(reencoding, "cores", lambda: 1)  # it is not far ahead


def save(folder: Path, seed: int) -> Path:
    path = folder / f"{seed:02}.png"
    PIL.Image.fromarray(drawn(seed)).save(path)
    return path


def check_anew(finder: Finder, folder: Path, encoder: str = AFTER) -> None:
    """It equals a catalogue that is made anew of the folder: ids, vectors, answers."""
    with Finder.create(
        folder.parent / f"anew-{len(list(folder.parent.iterdir()))}.db", encoder
    ) as anew:
        anew.add(folder)
        assert finder.recipe == anew.recipe
        found, expected = (
            {record.key: (record, rows) for record, rows in one.store.iter_records()}
            for one in (finder, anew)
        )
        assert found.keys() == expected.keys()
        for key, (record, rows) in expected.items():
            assert found[key][0] == record
            assert_allclose(found[key][1], rows, rtol=1e-6)
        query = next(iter(sorted(folder.iterdir())))
        assert ids(finder, query) == ids(anew, query)
        assert Finder.check(folder.parent / "c.db") == []


def ids(finder: Finder, query: Path) -> list[tuple[str, float]]:
    return [(hit.id, round(hit.score, 5)) for hit in finder.search(query, k=5)]


def stepping(steps: dict[int, Callable[[], object]]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A progress that does something before the images of these numbers."""

    def progress(items: Iterable[Any]) -> Iterator[Any]:
        for number, item in enumerate(items):
            steps.get(number, lambda: None)()
            yield item

    return progress


def test_an_upgraded_catalogue_equals_one_made_anew(finder: Finder, folder: Path) -> None:
    report = finder.upgrade(AFTER)
    assert (report.is_switched, report.encoded, report.images) == (True, COUNT, COUNT)
    assert not report.lost and not report.notes
    check_anew(finder, folder)
    assert upgrade.other_vectors(finder.store) is None
    again = finder.upgrade(AFTER)
    assert again.is_switched and not again.encoded
    with Finder.open(folder.parent / "c.db") as opened:
        check_anew(opened, folder)


@pytest.mark.usefixtures("small_batches")
def test_one_that_is_interrupted_goes_on(finder: Finder, folder: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = ids(finder, folder / "03.png")
    with pytest.raises(KeyboardInterrupt):
        finder.upgrade(AFTER, progress=stepping({COUNT - 1: interrupt}))
    begun = upgrade.other_vectors(finder.store)
    assert begun is not None and 0 < begun.images < COUNT and not begun.is_kept
    assert ids(finder, folder / "03.png") == before
    with pytest.raises(StoreError, match=r"an upgrade to dhash.* is not finished"):
        finder.upgrade("phash")
    with pytest.raises(StoreError, match="no former vectors are kept"):
        finder.upgrade(back=True)
    report = finder.upgrade(AFTER)
    assert report.encoded == COUNT - begun.images
    check_anew(finder, folder)


DYING = """
import os, signal, sys
from imagefinder import Finder
from imagefinder.catalogue import reencoding
from imagefinder.catalogue import upgrade as the_whole
from imagefinder.stores import upgrade
from imagefinder.stores.sqlite import upgrade_rows

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def second(write):
    calls = []
    def counted(*given):
        calls.append(given)
        return die() if len(calls) > 1 else write(*given)
    return counted

moment, path, encoder = sys.argv[1:]
reencoding._BATCH = 4
of = upgrade.VectorUpgrade
if moment == "before the first batch":
    of.write = die
elif moment == "before the second":
    of.write = second(of.write)
elif moment == "before the switch":
    of.switch = die
elif moment == "in the midst of the switch":
    upgrade_rows.record_write = die
else:
    the_whole._check_reached = die
with Finder.open(path) as finder:
    finder.upgrade(encoder, keep=True)
"""
MOMENTS = (
    ("before the first batch", False),
    ("before the second", False),
    ("before the switch", False),
    ("in the midst of the switch", False),
    ("after the switch", True),
)


@pytest.mark.parametrize(("moment", "is_switched"), MOMENTS)
def test_one_that_is_killed_goes_on(
    moment: str, is_switched: bool, finder: Finder, folder: Path
) -> None:
    before = ids(finder, folder / "03.png")
    path = folder.parent / "c.db"
    died = subprocess.run([sys.executable, "-c", DYING, moment, path, AFTER], check=False)
    assert died.returncode == -signal.SIGKILL
    assert (ids(finder, folder / "03.png") != before) == is_switched  # it follows at once
    assert (finder.recipe.encoder == AFTER) == is_switched
    assert Finder.check(path) == []
    report = finder.upgrade(AFTER)
    assert report.is_switched
    check_anew(finder, folder)


def test_a_program_that_has_it_open_follows(finder: Finder, folder: Path) -> None:
    with Finder.open(folder.parent / "c.db") as other:
        assert other.search(folder / "01.png")[0].path == str(folder / "01.png")
        pinned = other.pinned()
        finder.upgrade(AFTER)
        with pytest.raises(EncoderChanged, match=r"c\.db has been upgraded from classic"):
            list(pinned.store.iter_records())
        with pytest.raises(EncoderChanged):
            pinned.store.search(np.zeros((1, pinned.recipe.dim), np.float32), 1)
        with pytest.raises(EncoderChanged):
            pinned.store.set_metadata("calibration cosine", "{}")
        assert ids(other, folder / "03.png") == ids(finder, folder / "03.png")
        assert other.recipe.encoder == AFTER
        with pytest.raises(EncoderChanged):  # also once it has followed
            pinned.store.features_of(pinned.store.select().tolist())
        check_anew(other, folder)


def test_what_others_add_and_remove_meanwhile_is_in_the_result(
    finder: Finder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "_FEW", 1)
    with Finder.open(folder.parent / "c.db") as other:

        def change() -> None:
            other.add([save(folder, seed) for seed in range(50, 60)])
            (folder / "02.png").unlink()
            other.remove(folder / "02.png")

        report = finder.upgrade(AFTER, progress=stepping({COUNT - 1: change}))
        assert report.is_switched and report.images == COUNT + 9
        check_anew(finder, folder)


def test_an_addition_goes_on_with_the_new_encoder(finder: Finder, folder: Path) -> None:
    with Finder.open(folder.parent / "c.db") as other:
        files = [save(folder, seed) for seed in range(100, 170)]
        report = other.add(files, progress=stepping({50: lambda: finder.upgrade(AFTER)}))
        assert (report.added, len(report.failed)) == (70, 0)
        assert other.recipe.encoder == AFTER
    check_anew(finder, folder)


def lose(folder: Path, finder: Finder) -> set[str]:
    """A file is gone, one has changed, and an image never had one; the ids of the three."""
    (folder / "00.png").unlink()
    PIL.Image.fromarray(drawn(77)).save(folder / "01.png")
    finder.add([drawn(78)], metadata=[{"title": "drawn"}])
    by_path = {record.path: record.id for record in finder.page()}
    return {by_path[str(folder / "00.png")], by_path[str(folder / "01.png")], by_path[None]}


def test_images_without_a_file_stop_it_before_the_switch(finder: Finder, folder: Path) -> None:
    lost = lose(folder, finder)
    report = finder.upgrade(AFTER)
    assert not report.is_switched
    assert {one.record.id for one in report.lost} == lost
    reasons = sorted(one.reason for one in report.lost)
    assert "it was added from memory" in reasons[0]
    assert "its file has changed: run imagefinder sync" in reasons[1]
    assert "no such file" in reasons[2]
    assert finder.recipe.encoder == BEFORE and len(finder) == COUNT + 1
    finder.sync(folder)  # takes in the changed file, and out the one that is gone
    finder.remove([record.id for record in finder.page() if record.path is None])
    report = finder.upgrade(AFTER)
    assert report.is_switched and report.encoded == 1
    check_anew(finder, folder)


def test_they_are_removed_if_told_so(finder: Finder, folder: Path) -> None:
    lost = lose(folder, finder)
    report = finder.upgrade(AFTER, missing="drop")
    assert report.is_switched and len(report.lost) == 3
    assert not lost & {record.id for record in finder.page()}
    finder.add(folder)
    check_anew(finder, folder)


def test_they_keep_their_former_vectors_in_a_catalogue_of_their_own(
    finder: Finder, folder: Path
) -> None:
    lost = lose(folder, finder)
    former = {key: finder.store.features(key) for key in (int(one, 16) for one in lost)}
    old = folder.parent / "old.db"
    Finder.create(old, "phash").close()
    with pytest.raises(CatalogueExists, match="made with phash"):
        finder.upgrade(AFTER, missing="keep-old", old=old)
    old.unlink()
    itself = folder.parent / "itself.db"
    itself.symlink_to(folder.parent / "c.db")
    with pytest.raises(StoreError, match="is the catalogue itself"):
        finder.upgrade(AFTER, missing="keep-old", old=itself)
    with pytest.raises(ValueError, match="name one as old"):
        finder.upgrade(AFTER, missing="keep-old")
    with pytest.raises(ValueError, match="old goes with missing='keep-old'"):
        finder.upgrade(AFTER, old=old)
    with pytest.raises(ValueError, match="one of encoder and back"):
        finder.upgrade(AFTER, back=True)
    assert finder.upgrade(AFTER, missing="keep-old", old=old).is_switched
    assert len(finder) == COUNT - 2
    with Finder.open(old) as aside:
        assert aside.recipe.encoder == BEFORE
        assert {record.id for record in aside.page()} == lost
        assert any(record.title == "drawn" for record in aside.page())
        assert aside.statistics().signatures == 3
        for key, rows in former.items():
            assert_array_equal(aside.store.features(key), rows)
        assert aside.search(drawn(78))[0].title == "drawn"


def test_kept_vectors_are_returned_to_at_once(finder: Finder, folder: Path) -> None:
    before = ids(finder, folder / "03.png")
    scores = np.linspace(0, 0.9, 1000)
    calibration = Calibration.fit("cosine", 0.001, 1000, "copies", scores, np.linspace(0.9, 1, 100))
    save_calibration(finder.store, calibration)
    report = finder.upgrade(AFTER, keep=True)
    assert "run imagefinder calibrate" in report.notes[0]
    assert load_calibration(finder.store, "cosine") is None
    kept = upgrade.other_vectors(finder.store)
    assert kept is not None and kept.is_kept and kept.recipe.encoder == BEFORE
    with pytest.raises(StoreError, match="the vectors of classic are kept"):
        finder.upgrade("phash")
    finder.add(save(folder, 99))
    finder.remove(folder / "11.png")
    (folder / "11.png").unlink()
    report = finder.upgrade(back=True)
    assert report.is_switched and report.encoded == 1  # what was added since
    assert load_calibration(finder.store, "cosine") == calibration
    assert upgrade.other_vectors(finder.store) is None
    assert {one for one, _ in ids(finder, folder / "03.png")} & {one for one, _ in before}
    check_anew(finder, folder, BEFORE)


def test_kept_vectors_can_be_given_up(finder: Finder, folder: Path) -> None:
    finder.upgrade(AFTER, keep=True)
    given_up = upgrade.discard(finder.store)
    assert given_up is not None and given_up.images == COUNT
    assert upgrade.discard(finder.store) is None
    assert finder.upgrade("phash").is_switched
    check_anew(finder, folder, "phash")


def test_one_that_is_given_up_meanwhile_ends(finder: Finder, folder: Path) -> None:
    with Finder.open(folder.parent / "c.db") as other:
        steps = stepping({COUNT - 1: lambda: upgrade.discard(other.store)})
        with pytest.raises(StoreError, match="given up this upgrade"):
            finder.upgrade(AFTER, progress=steps)
    assert finder.recipe.encoder == BEFORE and upgrade.other_vectors(finder.store) is None


def test_two_at_a_time_make_one_switch(finder: Finder, folder: Path) -> None:
    with Finder.open(folder.parent / "c.db") as other:
        report = finder.upgrade(AFTER, progress=stepping({3: lambda: other.upgrade(AFTER)}))
        assert report.is_switched
        check_anew(finder, folder)
        steps = stepping({3: lambda: other.upgrade("phash")})
        with pytest.raises(StoreError, match="is not finished"):
            finder.upgrade(BEFORE, progress=steps)


def test_what_is_not_of_the_encoder_carries_over(folder: Path) -> None:
    local = make_extractor("sift", {"features": 20, "side": 160})
    with Finder.create(folder.parent / "c.db", BEFORE, local=local, regions=2) as finder:
        finder.add(sorted(folder.iterdir()), metadata=[{"n": n} for n in range(COUNT)])
        some = [record.id for record in finder.page(2)]
        remember(finder.store, some)
        finder.exclude(["*.bak"])
        keys = finder.store.select().tolist()
        signatures, features = finder.store.signatures(keys), finder.store.local_features(keys)
        records = finder.page()
        finder.upgrade(make_encoder(AFTER))
        assert finder.recipe.encoder == "regions"
        assert finder.recipe.options["encoder"] == AFTER
        assert finder.statistics().vectors == 5 * COUNT
        assert finder.page() == records
        assert decisions(finder.store).ids == [some]
        assert finder.excluded == ["*.bak"]
        for key, signature in finder.store.signatures(keys).items():
            assert_array_equal(signature.pattern, signatures[key].pattern)
        for key, local_features in finder.store.local_features(keys).items():
            assert_array_equal(local_features.descriptors, features[key].descriptors)
        hit = finder.search(folder / "05.png", rerank="mutual")[0]
        assert hit.path == str(folder / "05.png")


def test_what_does_not_carry_over_is_said(finder: Finder, folder: Path) -> None:
    finder.use_index("kmeans")
    with reduce(finder, folder.parent / "small.db", dim=4) as smaller:
        report = smaller.upgrade(BEFORE)
        assert "not reduced by PCA any longer" in report.notes[0]
        check_anew(smaller, folder, BEFORE)
    report = finder.upgrade(AFTER)
    assert "the index kmeans cannot compare the new vectors" in report.notes[0]
    assert finder.store.index.kind == "exact"
    check_anew(finder, folder)


def test_an_index_that_was_saved_is_not_taken_for_one_of_the_new_vectors(folder: Path) -> None:
    path = folder.parent / "c.db"
    with Finder.create(path, AFTER) as finder:  # its vectors are as long as the new ones
        finder.add(folder)
        finder.use_index("hnsw")
        finder.upgrade("phash")
        assert finder.store.index.kind == "hnsw"
        check_anew(finder, folder, "phash")
    with Finder.open(path) as opened:
        check_anew(opened, folder, "phash")


def test_a_backup_of_before_brings_the_former_encoder_back(finder: Finder, folder: Path) -> None:
    path, copy = folder.parent / "c.db", folder.parent / "copy.db"
    before = ids(finder, folder / "03.png")
    finder.backup(copy)
    finder.upgrade(AFTER)
    with Finder.open(copy) as backup:
        backup.backup(path, force=True)
    assert ids(finder, folder / "03.png") == before
    assert finder.recipe.encoder == BEFORE


def test_damaged_new_vectors_are_found_and_repaired(finder: Finder, folder: Path) -> None:
    path = folder.parent / "c.db"
    finder.upgrade(AFTER, keep=True)
    finder.close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE other_vectors SET vector = zeroblob(8) WHERE rowid = 1")
    (finding,) = Finder.check(path)
    assert "by another encoder" in finding.what
    assert Finder.repair(path).lost == []
    assert Finder.check(path) == []
    with Finder.open(path) as opened:
        assert upgrade.other_vectors(opened.store) is None
        check_anew(opened, folder)


def test_an_upload_is_encoded_again_as_any_other(finder: Finder, folder: Path) -> None:
    path = save(folder, 90)
    finder.add([Input(path, {"room": "hall"}, "uploaded")])
    finder.upgrade(AFTER)
    (record,) = finder.page(where={"room": "hall"})
    assert record.files[0].origin == "uploaded"
