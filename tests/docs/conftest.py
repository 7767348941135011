"""The files that the documents speak of, drawn once and copied for each page."""

import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder, embed
from imagefinder.testing.gallery import SCENES as GALLERY
from imagefinder.testing.gallery import draw_scene, view_of

PHOTOS = GALLERY[:8]
SINGLE = {
    "query": "regatta",
    "customer": "lighthouse",
    "a": "harbour",
    "front": "lighthouse",
    "side": "regatta",
    "box": "coral-reef",
    "street": "harbour",
    "chair": "regatta",
}


@dataclass(frozen=True)
class Stage:
    """A folder as a reader's might be: photographs, products, single images, catalogues."""

    template: Path

    def set_up(self, folder: Path, without: Collection[str] = ()) -> None:
        """A copy, without the catalogues that a page creates itself."""
        shutil.copytree(self.template, folder, dirs_exist_ok=True)
        for name in without:
            (folder / name).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    draw(folder)
    make_catalogues(folder)
    shutil.copy(tiny_model, folder / "mobilenet.onnx")
    plant_forest(folder)
    lay_out_vectors(folder)
    with serving(folder / "photos") as address:
        urls = [f"{address}/{name}.jpg" for name in PHOTOS[:2]]
        rows = [f"title {number},{url}" for number, url in enumerate(urls)]
        (folder / "products.csv").write_text("\n".join(["title,image", *rows]))
        yield Stage(folder)


def draw(folder: Path) -> None:
    scenes = {scene: draw_scene(scene) for scene in GALLERY[:13]}
    (folder / "photos" / "2024").mkdir(parents=True)
    for number, scene in enumerate(PHOTOS):
        scenes[scene].save(folder / "photos" / ("2024" if number > 5 else "") / f"{scene}.jpg")
    scenes["harbour"].resize((240, 180)).save(folder / "photos" / "copy.jpg", quality=85)
    for name, scene in SINGLE.items():
        view_of(scenes[scene], "crop", len(name)).save(folder / f"{name}.jpg")
    view_of(scenes["harbour"], "angle", 1).save(folder / "b.jpg")
    for name, scene in zip(("chairs", "lamps", "sofas", "tables"), PHOTOS, strict=False):
        draw_class(folder / "products" / name, scenes[scene], 8)
    draw_class(folder / "others", scenes["regatta"], 4)
    for scene, image in scenes.items():
        draw_class(folder / "gallery" / scene, image, 4)


def draw_class(folder: Path, image: PIL.Image.Image, count: int) -> None:
    folder.mkdir(parents=True)
    small = image.resize((160, 120))
    for number in range(count):
        view_of(small, "angle", number).resize((60, 45)).save(folder / f"{number}.jpg")


def make_catalogues(folder: Path) -> None:
    for name, encoder in (("photos.db", "standard"), ("colors.db", "classic")):
        with Finder.create(folder / name, encoder) as finder:
            finder.add(folder / "photos", metadata={"room": "kitchen"})
    with Finder.create(folder / "gallery.db") as finder:
        finder.add(folder / "gallery")


def plant_forest(folder: Path) -> None:
    """An index that a script with Annoy left behind."""
    annoy = pytest.importorskip("annoy")
    paths = sorted((folder / "photos").glob("*.jpg"))
    forest = annoy.AnnoyIndex(384, "angular")
    for number, row in enumerate(embed(paths)):
        forest.add_item(number, row)
    forest.build(2)
    forest.save(str(folder / "vectors.ann"))
    (folder / "paths.txt").write_text("\n".join(map(str, paths)))


def lay_out_vectors(folder: Path) -> None:
    """A matrix that some other program has made, and one more vector."""
    paths = sorted((folder / "photos").glob("*.jpg"))
    rows = embed(paths)
    np.save(folder / "elsewhere.npy", rows)
    np.save(folder / "vector.npy", rows[0])
    lines = ["path", *(str(path.relative_to(folder)) for path in paths)]
    (folder / "elsewhere.csv").write_text("\n".join(lines))


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the folder's files over HTTP, on a port of the system's choice."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""
