"""What is shown: views of images, each made from its place in the course alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeAlias

import numpy as np
import torch
from numpy import random
from PIL import Image
from torch import Tensor

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.training.augmentation import Pixels, changed, square
from imagefinder.training.dataset import Numbers
from imagefinder.training.pixel_cache import PixelCache

Change: TypeAlias = Callable[[Image.Image, random.Generator], Image.Image]
Batch: TypeAlias = tuple[Tensor, Tensor]
"""Pixels (views, 3, size, size) in uint8, and the numbers of their images."""

_AHEAD = 2 * cores()  # batches


def as_tensor(views: Sequence[Pixels]) -> Tensor:
    """``(views, 3, height, width)``, channels last in memory."""
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)


def as_they_are(image: Image.Image, _: random.Generator) -> Image.Image:
    """No change."""
    return image


def by_odds(odds: Mapping[str, float]) -> Change:
    """Each of the changes of ``training.changes`` by its odds."""
    return partial(_changed, odds)


def _changed(odds: Mapping[str, float], image: Image.Image, rng: random.Generator) -> Image.Image:
    return changed(image, odds, rng)


@dataclass(frozen=True)
class Showings:
    """Views of ``size`` pixels a side."""

    images: PixelCache
    size: int
    change: Change = as_they_are
    seed: int = 0

    def batches(self, drawn: Iterable[Numbers], first: int = 0) -> Generator[Batch, None, None]:
        """A batch for each of the drawn numbers.

        ``first`` is the number of the first batch. They are made while the caller goes on.
        """
        with ThreadPoolExecutor(cores(), "views") as threads:
            for views, numbers in prefetch_map(
                threads, self._batch, zip(count(first), drawn), _AHEAD
            ):
                yield as_tensor(views), torch.from_numpy(numbers)

    def _batch(self, numbered: tuple[int, Numbers]) -> tuple[list[Pixels], Numbers]:
        batch, numbers = numbered
        views = [self._view(batch, place, one) for place, one in enumerate(numbers.tolist())]
        return views, numbers

    def _view(self, batch: int, place: int, number: int) -> Pixels:
        rng = np.random.default_rng((self.seed, batch, place))
        view = self.change(Image.fromarray(self.images[number]), rng)
        return np.asarray(square(view, self.size))
