"""Distillation objectives of the whole student: feature maps, then the joint embedding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Protocol

import numpy as np
import torch
from distillation.target import Rows
from distillation.teachers import Teacher
from distillation.views import Views
from PIL import Image
from torch import Tensor
from torch.nn import functional

from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.training.augmentation import Pixels, augment, square
from imagefinder.training.dataloader import as_tensor
from imagefinder.training.models.mobilenet import MobileNetV2


class DistillationObjective(Protocol):
    """An endless sequence of batches, each determined by its number, and a loss."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """From number ``first`` on: uint8 pixels (views, 3, height, width), and targets."""

    def loss(self, student: MobileNetV2, pixels: Tensor, targets: list[Tensor]) -> Tensor:
        """A scalar; pixels of -1 to 1."""


@dataclass(frozen=True)
class FeatureMaps:
    """Reproduce the teacher's feature maps of the same augmented views.

    "Function matching" of Beyer et al., "Knowledge distillation: A good teacher is patient and
    consistent" (arXiv 2106.05237), at several depths.
    """

    teacher: Teacher
    views: Views
    batch: int
    depths: Sequence[int]
    """Numbers of the blocks whose outputs are compared."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """See DistillationObjective."""
        names = self.teacher.block_outputs()
        infer = self.teacher.compile([names[depth] for depth in self.depths], self.views.size)
        for views in batched(self.views.make(count(first * self.batch)), self.batch):
            targets = zip(*infer(views), strict=True)
            yield as_tensor(views), [torch.from_numpy(np.stack(maps)) for maps in targets]

    def loss(self, student: MobileNetV2, pixels: Tensor, targets: list[Tensor]) -> Tensor:
        """The mean fraction of the teacher's variance that is unexplained."""
        maps = student.feature_maps(pixels)
        unexplained = [
            (maps[depth].float() - target).square().mean() / target.var((0, 2, 3)).mean()
            for depth, target in zip(self.depths, targets, strict=True)
        ]
        return torch.stack(unexplained).mean()


@dataclass(frozen=True)
class Embedding:
    """Give an augmented view the teachers' joint embedding of the original view.

    The loss is the distance to that embedding, and how far the similarities to other embeddings
    are from the teachers' (Fang et al., "SEED", arXiv 2101.04731).
    """

    views: Pixels
    """(views, height, width, 3)"""
    targets: Rows
    """(views, dim)"""
    size: int
    batch: int
    augmentations: Mapping[str, float]
    seed: int
    others: int = 4096
    temperature: float = 0.07
    distance_weight: float = 4.0
    """Relative to the loss of similarities."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """See DistillationObjective."""
        targets = torch.from_numpy(self.targets)
        with ThreadPoolExecutor(cores()) as threads:
            views = prefetch_map(threads, self._view, self._sampled(first), ahead=4 * self.batch)
            for number, batch in zip(count(first), batched(views, self.batch)):
                rows = torch.from_numpy(np.array([row for row, _ in batch]))
                rng = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
                others = torch.randint(len(targets), (self.others,), generator=rng)
                yield as_tensor([view for _, view in batch]), [targets[rows], targets[others]]

    def loss(self, student: MobileNetV2, pixels: Tensor, targets: list[Tensor]) -> Tensor:
        """Distance, and divergence of the similarities."""
        own, others = targets
        embeddings = student(pixels)
        distance = 1 - (embeddings * own).sum(1).mean()
        teachers = functional.softmax(own @ others.T / self.temperature, dim=1)
        students = functional.log_softmax(embeddings @ others.T / self.temperature, dim=1)
        divergence = functional.kl_div(students, teachers, reduction="batchmean")
        loss: Tensor = self.distance_weight * distance + divergence
        return loss

    def _sampled(self, first: int) -> Iterator[tuple[int, int]]:
        """(running number, row of the view), every view once in each epoch."""
        start = first * self.batch
        for epoch in count(start // len(self.views)):
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.views))
            skipped = max(0, start - epoch * len(self.views))
            for position, row in islice(enumerate(order.tolist()), skipped, None):
                yield epoch * len(self.views) + position, row

    def _view(self, sampled: tuple[int, int]) -> tuple[int, Pixels]:
        number, row = sampled
        rng = np.random.default_rng((self.seed, number, row))
        image = augment(self.augmentations, Image.fromarray(self.views[row]), rng)
        return row, np.asarray(square(image, self.size))
