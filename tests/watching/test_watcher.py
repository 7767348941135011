"""The watcher with events and a clock of the tests' own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, NotFound
from imagefinder.errors import StoreError
from imagefinder.watching import Watched, WatchOptions, watch
from imagefinder.watching.watch import Watcher

from ..mean_color import Colours


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(path)
    return path


@dataclass
class Bench:
    """A watcher whose time and events the test gives."""

    root: Path
    finder: Finder
    watcher: Watcher = field(init=False)
    now: float = 0.0

    def __post_init__(self) -> None:
        options = WatchOptions(settle=1.0, every=100.0, retry=10.0)
        self.watcher = Watcher(
            self.finder, [str(self.root)], options, Event(), clock=lambda: self.now
        )

    def at(self, now: float, *changed: Path | str) -> list[Watched]:
        """What happens at a time, at which these paths are reported."""
        self.now = now
        return list(self.watcher.watch([{str(path) for path in changed}, set()]))

    def changed(self, *paths: Path | str) -> list[Watched]:
        """What happens once the changes of these paths are settled."""
        events = iter([set(map(str, paths)), None, set()])

        def tick() -> Iterator[set[str]]:
            for one in events:
                if one is None:
                    self.now += 1.0
                else:
                    yield one

        return list(self.watcher.watch(tick()))

    def stored(self) -> list[str]:
        return sorted(self.finder.store.iter_paths(str(self.root)))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    draw(tmp_path / "root" / "1.png", 1)
    with Finder.create(tmp_path / "c.db", Colours()) as finder:
        bench = Bench(tmp_path / "root", finder)
        (first,) = bench.at(0.0)
        assert first.report is not None
        assert first.report.added == 1
        yield bench


def test_only_what_has_changed_is_looked_at(bench: Bench) -> None:
    new, other = draw(bench.root / "a/2.png", 2), draw(bench.root / "3.png", 3)
    (told,) = bench.changed(new)
    assert told.report is not None
    assert told.report.added == 1
    assert str(other) not in bench.stored()


def test_a_file_is_read_once_it_is_settled(bench: Bench) -> None:
    new = draw(bench.root / "2.png", 2)
    events = iter([({str(new)}, 0.5), ({str(new)}, 1.2), (set(), 2.0), (set(), 2.2)])

    def ticks() -> Iterator[set[str]]:
        for paths, now in events:
            self_counts.append(len(bench.finder))
            bench.now = now
            yield paths

    self_counts: list[int] = []
    list(bench.watcher.watch(ticks()))
    assert self_counts == [1, 1, 1, 1]
    assert len(bench.finder) == 2


def test_moved_deleted_and_rewritten_files_and_folders(bench: Bench) -> None:
    first = bench.root / "1.png"
    bench.finder.add([first], metadata={"title": "kept"})
    (bench.root / "deep").mkdir()
    moved = first.rename(bench.root / "deep/moved.png")
    bench.changed(first, bench.root / "deep")
    assert bench.stored() == [str(moved)]
    (record,) = bench.finder.store.get(bench.finder.store.select().tolist()).values()
    assert record.title == "kept"
    draw(moved, 7)
    draw(bench.root / "8.png", 8)
    bench.changed(moved, bench.root / "8.png")
    assert len(bench.finder) == 2
    shutil.rmtree(bench.root / "deep")
    bench.changed(bench.root / "deep")
    assert bench.stored() == [str(bench.root / "8.png")]


def test_what_is_excluded_is_passed_over(bench: Bench) -> None:
    bench.finder.exclude(["*.gif"])
    assert bench.changed(draw(bench.root / "2.gif", 2), draw(bench.root / ".x/3.png", 3)) == []
    assert len(bench.finder) == 1


def test_after_very_many_events_the_whole_folder_is_synced(bench: Bench) -> None:
    unreported = draw(bench.root / "2.png", 2)
    many = [bench.root / f"{number}.gone" for number in range(1000)]
    assert bench.changed(*many[1:]) == []
    (told,) = bench.changed(*many)
    assert told.report is not None
    assert str(unreported) in bench.stored()


def test_a_failure_is_told_once(bench: Bench) -> None:
    bad = bench.root / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff no image")
    (told,) = bench.changed(bad)
    assert told.report is not None
    assert [one.path for one in told.report.failed] == [str(bad)]
    assert bench.changed(bad) == []
    assert bench.at(500.0) == []  # the regular sync


def test_the_regular_sync_finds_what_was_not_reported(bench: Bench) -> None:
    draw(bench.root / "2.png", 2)
    assert bench.at(99.0) == []
    (told,) = bench.at(100.0)
    assert told.report is not None
    assert told.report.added == 1


def test_a_disk_that_goes_away_keeps_its_images_and_comes_back(bench: Bench) -> None:
    away = bench.root.with_name("away")
    bench.root.rename(away)
    (told,) = bench.at(1.0, bench.root)
    assert told.problem is not None
    assert "no folder" in told.problem
    assert bench.at(11.5, bench.root) == []  # it is told once
    assert len(bench.finder) == 1
    away.rename(bench.root)
    draw(bench.root / "2.png", 2)
    (told,) = bench.at(12.0, bench.root)
    assert told.report is not None
    assert told.report.added == 1


def test_an_emptied_folder_keeps_its_images(bench: Bench) -> None:
    (bench.root / "1.png").unlink()
    (told,) = bench.changed(bench.root / "1.png")
    assert told.problem is not None
    assert "is its disk mounted?" in told.problem
    assert len(bench.finder) == 1


def test_a_store_that_fails_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("the database is away")

    draw(bench.root / "2.png", 2)
    with monkeypatch.context() as patch:
        patch.setattr(bench.finder, "sync", fail)
        (told,) = bench.changed(bench.root / "2.png")
    assert told.problem == "the database is away"
    assert bench.at(bench.now + 9.0) == []
    (told,) = bench.at(bench.now + 1.0)
    assert told.report is not None
    assert told.report.added == 1


def test_a_stop_ends_a_sync_early(bench: Bench) -> None:
    draw(bench.root / "2.png", 2)
    bench.watcher.stop.set()
    assert bench.at(100.0) == []
    assert len(bench.finder) == 1


def test_a_folder_that_is_missing_at_the_beginning_is_an_error(
    bench: Bench, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no folder"):
        watch(bench.finder, tmp_path / "none")
