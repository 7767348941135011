"""Catalogues of one-coloured images, whose order in any ranking can be told by looking."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import PIL.Image
import pytest

from imagefinder import Finder
from imagefinder.types import Encoder, Features, Image, Measure, Resize

Catalogue: TypeAlias = Callable[..., Finder]


@dataclass(frozen=True)
class Grey:
    """How bright an image is: one row."""

    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(1, 1, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        return [image.reshape(1, 3)[:, :1].astype(np.float32) for image in images]


@dataclass(frozen=True)
class Halves:
    """How bright its halves are: two rows, and only one if the right half is black."""

    dim: ClassVar[int] = 1
    measure: ClassVar[Measure] = "l2"
    resize: ClassVar[Resize] = Resize(2, 1, filter="box")

    def encode(self, images: Sequence[Image]) -> list[Features]:
        rows = [image.reshape(2, 3)[:, :1].astype(np.float32) for image in images]
        return [row if row[1] else row[:1] for row in rows]


def paint(path: Path, *greys: int) -> Path:
    """An image of vertical stripes, each as bright as is said."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stripes = np.repeat(np.array(greys, np.uint8), 8)
    pixels = np.broadcast_to(stripes[None, :, None], (8, len(stripes), 3))
    PIL.Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Makes one of images in the folder ``stored``, from names and how bright they are."""
    with ExitStack() as stack:

        def make(images: dict[str, tuple[int, ...]], encoder: Encoder | str = Grey()) -> Finder:
            for name, greys in images.items():
                paint(tmp_path / "stored" / name, *greys)
            finder = stack.enter_context(Finder.create(tmp_path / "c.db", encoder))
            finder.add(tmp_path / "stored")
            return finder

        yield make
