"""Data loader: batches of augmented views, reproducible from the seed and the batch number."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imagefinder._utils.concurrency import cores, prefetch_map
from imagefinder.training.augmentation import Augmentation, Pixels, identity, square
from imagefinder.training.dataset import Indices
from imagefinder.training.pixel_cache import PixelCache

Batch: TypeAlias = tuple[Tensor, Tensor]
"""Pixels (views, 3, size, size) in uint8, and the indices of their images."""

_AHEAD = 2 * cores()  # batches


def as_tensor(views: Sequence[Pixels]) -> Tensor:
    """``(views, 3, height, width)``, channels last in memory."""
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class ViewLoader:
    """Views of ``size`` pixels a side."""

    images: PixelCache
    size: int
    augmentation: Augmentation = identity
    seed: int = 0

    def batches(self, sampled: Iterable[Indices], first: int = 0) -> Generator[Batch, None, None]:
        """A batch of views for each of indices, prefetched by threads.

        ``first`` is the number of the first batch.
        """
        with ThreadPoolExecutor(cores(), "views") as threads:
            for views, indices in prefetch_map(
                threads, self._batch, zip(count(first), sampled), _AHEAD
            ):
                yield as_tensor(views), torch.from_numpy(indices)

    def _batch(self, numbered: tuple[int, Indices]) -> tuple[list[Pixels], Indices]:
        number, indices = numbered
        views = [self._view(number, row, index) for row, index in enumerate(indices.tolist())]
        return views, indices

    def _view(self, batch: int, row: int, index: int) -> Pixels:
        rng = np.random.default_rng((self.seed, batch, row))
        view = self.augmentation(Image.fromarray(self.images[index]), rng)
        return np.asarray(square(view, self.size))
