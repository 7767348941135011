"""Real files, and the operating system's own events."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from imagefinder import Finder
from imagefinder.types import key_of
from imagefinder.watching import WatchOptions, watch
from imagefinder.watching import folder_events as folder_events_module
from imagefinder.watching.folder_events import folder_events

from ..mean_color import Colours
from .test_watcher import draw

QUICK = WatchOptions(settle=0.1)


def until(events: Iterator[set[str]], *paths: Path) -> None:
    """Take events until all these paths were among them."""
    missing = set(map(str, paths))
    for seen in events:
        missing -= seen
        if not missing:
            return
    pytest.fail(f"no event of {missing}")


def test_events_begin_with_the_folders_and_go_on_after_they_were_away(tmp_path: Path) -> None:
    root, stop = tmp_path / "root", Event()
    root.mkdir()
    events = folder_events([str(root)], stop)
    until(events, root)
    (root / "a").mkdir()
    until(events, root / "a")
    (root / "a" / "b.png").write_bytes(b"1")
    until(events, root / "a" / "b.png")
    root.rename(tmp_path / "away")
    next(event for event in events if not event)
    (tmp_path / "away").rename(root)
    until(events, root)
    (root / "c.png").write_bytes(b"1")
    until(events, root / "c.png")
    stop.set()
    assert list(events) in ([], [set()])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf8_does_not_end_the_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_events_module, "_PAUSE", 0.0)
    monkeypatch.setattr(folder_events_module, "_LONGEST_PAUSE", 0.0)
    stop = Event()
    events = folder_events([str(tmp_path)], stop)
    until(events, tmp_path)
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.png")).write_bytes(b"1")
    until(events, tmp_path)  # all of it is synced, since other events may be lost
    (tmp_path / "a.png").write_bytes(b"1")
    until(events, tmp_path / "a.png")
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9")).mkdir()
    for _ in range(3):  # it is told of again by the mere start of watching
        until(events, tmp_path)
    stop.set()


def test_a_catalogue_follows_random_changes(tmp_path: Path) -> None:
    root, stop = tmp_path / "root", Event()
    draw(root / "first.png", 0)
    with Finder.create(tmp_path / "c.db", Colours()) as finder:

        def follow() -> None:
            for _ in watch(finder, root, QUICK, stop=stop):
                pass

        watching = Thread(target=follow)
        watching.start()
        try:
            change_at_random(root, 60)
            expected = {str(path): key_of_file(path) for path in root.rglob("*.png")}
            while keys_of(finder, root) != expected:
                assert watching.is_alive()
                stop.wait(0.05)
        finally:
            stop.set()
            watching.join()
        report = finder.sync(root, checksum=True)
        assert (report.added, report.updated, report.removed) == (0, 0, 0)


def key_of_file(path: Path) -> int:
    return key_of(hashlib.sha256(path.read_bytes()).digest())


def keys_of(finder: Finder, root: Path) -> dict[str, int]:
    """The image that is stored of each path."""
    stored = finder.store.lookup_paths(list(finder.store.iter_paths(str(root))))
    return {path: file.key for path, file in stored.items()}


def change_at_random(root: Path, steps: int) -> None:
    chance = random.Random(7)
    for step in range(1, steps + 1):
        files = sorted(root.rglob("*.png"))[1:]
        match chance.choice(["new", "new", "rewrite", "move", "delete"]) if files else "new":
            case "new":
                draw(root / f"{chance.randrange(4)}" / f"{step}.png", step)
            case "rewrite":
                draw(chance.choice(files), step)
            case "move":
                chance.choice(files).rename(root / f"moved-{step}.png")
            case "delete":
                chance.choice(files).unlink()
