"""Views of the training images: square, of one size, each made from its number alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from distillation.sources import Source
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import TrainingError
from imagefinder.training.augmentation import Pixels, changed, resized, square


@dataclass(frozen=True)
class Views:
    """An endless list of views; number 7 is the same image whenever it is asked for."""

    folder: Path
    sources: tuple[Source, ...]
    size: int
    seed: int
    odds: dict[str, float] = field(default_factory=dict)
    """How probable each change is."""
    mosaics: float = 0.3
    """The share of views that are put together of four."""

    def make(self, numbers: Iterable[int]) -> Iterator[Pixels]:
        """Views of shape (size, size, 3), in order, made on all cores."""
        with ThreadPoolExecutor(cores()) as threads:
            yield from prefetch_map(threads, self.view, numbers, ahead=16 * cores())

    def view(self, number: int) -> Pixels:
        """One of them."""
        rng = np.random.default_rng((self.seed, number))
        view = self._mosaic(rng) if rng.random() < self.mosaics else self._single(rng)
        return np.asarray(square(changed(view, self.odds, rng), self.size))

    def _single(self, rng: Generator) -> Image.Image:
        image, small = self._image(rng)
        part = window(image, rng, 0.5 if small else 0.2)
        part.thumbnail((self.size * 1.25, self.size * 1.25), Image.Resampling.BILINEAR)
        return part

    def _mosaic(self, rng: Generator) -> Image.Image:
        canvas = Image.new("RGB", (self.size, self.size))
        across, down = (round(self.size * share) for share in rng.uniform(0.3, 0.7, 2))
        for left, right in ((0, across), (across, self.size)):
            for top, bottom in ((0, down), (down, self.size)):
                image, small = self._image(rng)
                part = window(image, rng, 0.5 if small else 0.1)
                canvas.paste(resized(part, (right - left, bottom - top)), (left, top))
        return canvas

    def _image(self, rng: Generator) -> tuple[Image.Image, bool]:
        source = rng.choice(len(self.sources), p=self._shares)
        files = self._files[source]
        return opened(files[rng.integers(len(files))], self.size), self.sources[source].small

    @cached_property
    def _files(self) -> list[list[Path]]:
        return [source.files(self.folder) for source in self.sources]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        shares = np.array([source.share for source in self.sources])
        return np.asarray(shares / shares.sum())

    def kept(self, count: int, file: Path) -> Pixels:
        """The first ``count`` views, (count, size, size, 3), made once and mapped from disk."""
        if not file.exists():
            unfinished = file.with_suffix(".part")
            shape = (count, self.size, self.size, 3)
            room = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
            for row, view in zip(room, self.make(range(count)), strict=True):
                row[:] = view
            room.flush()
            unfinished.rename(file)
        rows: Pixels = np.load(file, mmap_mode="r")
        if rows.shape != (count, self.size, self.size, 3):
            raise TrainingError(
                f"{file} holds other views; remove it, or take another --work folder"
            )
        return rows


def opened(path: Path, size: int) -> Image.Image:
    """An RGB image whose sides are at least twice ``size`` where the file's are."""
    with Image.open(path) as image:
        image.draft("RGB", (size * 2, size * 2))
        return image.convert("RGB")


def window(image: Image.Image, rng: Generator, least: float) -> Image.Image:
    """A part with ``least`` of the area or more, of 3 : 4 to 4 : 3 of the image's own aspect."""
    width, height = image.size
    area, aspect = rng.uniform(least, 1), np.exp(rng.uniform(-0.29, 0.29))
    wide = min(width, round(width * np.sqrt(area * aspect)))
    high = min(height, round(height * np.sqrt(area / aspect)))
    left, top = rng.integers(0, width - wide + 1), rng.integers(0, height - high + 1)
    return image.crop((left, top, left + wide, top + high))
