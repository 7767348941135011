"""The demonstration: a drawn gallery, of which each scene's views must find one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from imagefinder.errors import StoreError
from imagefinder.finder import Finder
from imagefinder.testing.gallery import SCENES, VIEWS, save_gallery
from imagefinder.types import Hit

CATALOGUE = "demo.db"
_LEFT_OUT = 2
"""Views of each scene that are kept out of the catalogue, to search with."""


@dataclass(frozen=True)
class Search:
    """One view searched for, and the best hit."""

    query: Path
    hit: Hit

    @property
    def found(self) -> bool:
        """Whether the hit shows the same scene."""
        return (
            self.hit.path is not None and Path(self.hit.path).parent.name == self.query.parent.name
        )


def make_demo(folder: Path) -> tuple[Finder, list[Path]]:
    """Draw the gallery into a folder, and make its CATALOGUE beside it.

    Gives the finder and the images left out. What an earlier run left is replaced; raises
    StoreError for a folder that holds anything else.
    """
    _clear(folder)
    images = save_gallery(folder / "gallery")
    left_out = set(_left_out())
    queries = [path for path in images if (path.parent.name, path.stem) in left_out]
    finder = Finder.create(folder / CATALOGUE)
    finder.add([path for path in images if path not in queries])
    return finder, queries


def search_all(finder: Finder, queries: list[Path]) -> list[Search]:
    """The best hit of each."""
    return [Search(query, finder.search(query, k=1)[0]) for query in queries]


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ours = {"gallery", *(path.name for path in folder.glob(f"{CATALOGUE}*"))}
    if {path.name for path in folder.iterdir()} - ours:
        raise StoreError(f"{folder} holds other things: name an empty folder for the demonstration")
    for old in folder.glob(f"{CATALOGUE}*"):
        old.unlink()


def _left_out() -> Iterator[tuple[str, str]]:
    """Every scene with two views, so that all kinds of views are searched with equally often."""
    views = cycle(VIEWS)
    for scene in SCENES:
        for _ in range(_LEFT_OUT):
            yield scene, next(views)
