"""The verb `demo`: a synthetic gallery, searched with views held out from the catalogue."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.options import Json
from imagefinder.cli.output import hit_as_json, print_json, print_searches
from imagefinder.cli.serve import serve
from imagefinder.cli.serve_options import PORT, Port
from imagefinder.errors import StoreError

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Hit

_FOLDER = Path("imagefinder-demo")
_CATALOGUE = "demo.db"
_NOTE = "demo"
"""Of a catalogue that this command made."""
_HELD_OUT = 2
"""Views of each scene that are not added, to search with."""


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to draw the images.")
    ] = _FOLDER,
    then_serve: Annotated[
        bool, typer.Option("--serve", help="Serve the catalogue afterwards.")
    ] = False,
    port: Port = PORT,
    as_json: Json = False,
) -> None:
    """Draw a gallery, add it, and search it with other views of its scenes."""
    finder, queries = _make_demo(folder)
    with finder:
        searches = [Search(query, finder.search(query, k=1)[0]) for query in queries]
        images = len(finder)
    catalogue = folder / _CATALOGUE
    if as_json:
        print_json(_as_json(searches, images))
    else:
        print_searches(searches, images)
        typer.echo(f"Now try: {_program()} search {queries[0]} --db {catalogue}")
    if then_serve:
        serve(db=str(catalogue), port=port)


@dataclass(frozen=True)
class Search:
    """A held-out view and its best hit."""

    query: Path
    hit: Hit

    @property
    def found(self) -> bool:
        """Whether the hit shows the same scene."""
        path = self.hit.path
        return path is not None and Path(path).parent.name == self.query.parent.name


def _make_demo(folder: Path) -> tuple[Finder, list[Path]]:
    """Draw the gallery into a folder, with its catalogue beside it; gives the held-out images too.

    An earlier demo is drawn again. Raises StoreError for a folder that holds anything else.
    """
    from imagefinder.testing.gallery import save_gallery

    finder = _open(folder)
    try:
        images = save_gallery(folder / "gallery")
        held_out = set(_held_out())
        queries = [path for path in images if (path.parent.name, path.stem) in held_out]
        finder.add([path for path in images if path not in queries])
    except BaseException:
        finder.close()
        raise
    return finder, queries


def _open(folder: Path) -> Finder:
    """The catalogue, which is made first: the folder is known to be a demo's by it."""
    from imagefinder.finder import Finder

    folder.mkdir(parents=True, exist_ok=True)
    catalogue = folder / _CATALOGUE
    if not Finder.exists(catalogue):
        if any(path.name != _CATALOGUE for path in folder.iterdir()):
            raise StoreError(f"{folder} contains other files: choose an empty folder for the demo")
        finder = Finder.create(catalogue)
        finder.store.set_metadata(_NOTE, "yes")
        return finder
    finder = Finder.open(catalogue)
    if finder.store.get_metadata(_NOTE) is None and len(finder):
        finder.close()
        raise StoreError(f"{catalogue} is not a demo's: choose an empty folder for the demo")
    return finder


def _held_out() -> Iterator[tuple[str, str]]:
    """Two views of every scene, so that each kind of view is searched with equally often."""
    from imagefinder.testing.gallery import SCENES, VIEWS

    views = cycle(VIEWS)
    for scene in SCENES:
        for _ in range(_HELD_OUT):
            yield scene, next(views)


def _as_json(searches: list[Search], images: int) -> dict[str, object]:
    hits = [
        {"query": str(one.query), "found": one.found, "hit": hit_as_json(one.hit)}
        for one in searches
    ]
    found = sum(one.found for one in searches)
    return {"images": images, "searches": len(searches), "found": found, "hits": hits}


def _program() -> str:
    """The command that this program was started with."""
    if shutil.which("imagefinder"):
        return "imagefinder"
    return sys.argv[0] if sys.argv[0].endswith("imagefinder") else "python -m imagefinder"
