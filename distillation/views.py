"""Augmented views of the training images: square, each determined by its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from distillation.sources import ImageSource
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.errors import TrainingError
from imagefinder.images.transforms import crop
from imagefinder.training.augmentation import Pixels, augment, resized, square
from imagefinder.training.pixel_cache import write_images


@dataclass(frozen=True)
class Views:
    """An endless sequence of views; the same number always gives the same view."""

    folder: Path
    sources: tuple[ImageSource, ...]
    size: int
    seed: int
    augmentations: dict[str, float] = field(default_factory=dict)
    """The probability of each."""
    mosaics: float = 0.3
    """The fraction of views that are mosaics of four images."""

    def make(self, numbers: Iterable[int]) -> Iterator[Pixels]:
        """Views of shape (size, size, 3), in order, made on all cores."""
        with ThreadPoolExecutor(cores()) as threads:
            yield from prefetch_map(threads, self.view, numbers, ahead=16 * cores())

    def view(self, number: int) -> Pixels:
        """One view, ``(size, size, 3)``."""
        rng = np.random.default_rng((self.seed, number))
        view = self._mosaic(rng) if rng.random() < self.mosaics else self._single(rng)
        return np.asarray(square(augment(self.augmentations, view, rng), self.size))

    def _single(self, rng: Generator) -> Image.Image:
        image, small = self._image(rng)
        cropped = random_crop(image, rng, 0.5 if small else 0.2)
        cropped.thumbnail((self.size * 1.25, self.size * 1.25), Image.Resampling.BILINEAR)
        return cropped

    def _mosaic(self, rng: Generator) -> Image.Image:
        canvas = Image.new("RGB", (self.size, self.size))
        across, down = (round(self.size * share) for share in rng.uniform(0.3, 0.7, 2))
        for left, right in ((0, across), (across, self.size)):
            for top, bottom in ((0, down), (down, self.size)):
                image, small = self._image(rng)
                cropped = random_crop(image, rng, 0.5 if small else 0.1)
                canvas.paste(resized(cropped, (right - left, bottom - top)), (left, top))
        return canvas

    def _image(self, rng: Generator) -> tuple[Image.Image, bool]:
        source = rng.choice(len(self.sources), p=self._probabilities)
        files = self._files[source]
        return open_image(files[rng.integers(len(files))], self.size), self.sources[source].small

    @cached_property
    def _files(self) -> list[list[Path]]:
        return [source.files(self.folder) for source in self.sources]

    @cached_property
    def _probabilities(self) -> NDArray[np.float64]:
        weights = np.array([source.weight for source in self.sources])
        return np.asarray(weights / weights.sum())

    def cached(self, count: int, file: Path) -> Pixels:
        """The first ``count`` views, (count, size, size, 3), made once and memory-mapped."""
        if not file.exists():
            write_images(file, self.make(range(count)), count, self.size)
        rows: Pixels = np.load(file, mmap_mode="r")
        if rows.shape != (count, self.size, self.size, 3):
            raise TrainingError(
                f"{file} holds other views: delete it, or use another --work folder"
            )
        return rows


def open_image(path: Path, size: int) -> Image.Image:
    """In RGB; a JPEG may be decoded at a lower resolution, of at least twice ``size``."""
    with Image.open(path) as image:
        image.draft("RGB", (size * 2, size * 2))
        return image.convert("RGB")


def random_crop(image: Image.Image, rng: Generator, least: float) -> Image.Image:
    """At least ``least`` of the area, with 3:4 to 4:3 of the image's own aspect ratio."""
    width, height = image.size
    area, aspect = rng.uniform(least, 1), np.exp(rng.uniform(-0.29, 0.29))
    wide = min(width, round(width * np.sqrt(area * aspect)))
    high = min(height, round(height * np.sqrt(area / aspect)))
    left = int(rng.integers(0, width - wide + 1))
    top = int(rng.integers(0, height - high + 1))
    return crop(image, left, top, wide, high)
