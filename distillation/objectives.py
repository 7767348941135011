"""What the whole student is shown, and by what it is judged."""

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
from imagefinder.training.augmentation import Pixels, changed, square
from imagefinder.training.dataloader import as_tensor
from imagefinder.training.models.mobilenet import Student


class Lesson(Protocol):
    """An endless course of batches; batch 7 is the same one whenever it is reached."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """From number ``first`` on: uint8 pixels (views, 3, height, width), and what is wanted."""

    def loss(self, student: Student, pixels: Tensor, wanted: list[Tensor]) -> Tensor:
        """One number."""


@dataclass(frozen=True)
class Maps:
    """Give the teacher's maps for the same views, whatever has happened to them.

    "Function matching" of Beyer et al., "Knowledge distillation: A good teacher is patient and
    consistent" (arXiv 2106.05237), at several depths.
    """

    teacher: Teacher
    views: Views
    batch: int
    depths: Sequence[int]
    """Numbers of the parts whose maps are compared."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """See Lesson."""
        names = self.teacher.depths()
        wanted = [names[depth] for depth in self.depths]
        teach = self.teacher.normalized_for(wanted, self.views.size)
        for views in batched(self.views.make(count(first * self.batch)), self.batch):
            given = zip(*teach(views), strict=True)
            yield as_tensor(views), [torch.from_numpy(np.stack(maps)) for maps in given]

    def loss(self, student: Student, pixels: Tensor, wanted: list[Tensor]) -> Tensor:
        """The mean share of the teacher's variance that is missed."""
        maps = student.maps(pixels)
        missed = [
            (maps[depth].float() - target).square().mean() / target.var((0, 2, 3)).mean()
            for depth, target in zip(self.depths, wanted, strict=True)
        ]
        return torch.stack(missed).mean()


@dataclass(frozen=True)
class Embedding:
    """Give the teachers' joined embedding of a view as it was before it was changed.

    The loss is the distance to that row, and how far the similarities to others' rows are from
    the teachers' (Fang et al., "SEED", arXiv 2101.04731).
    """

    views: Pixels
    """(views, height, width, 3)"""
    targets: Rows
    """(views, dim)"""
    size: int
    batch: int
    odds: Mapping[str, float]
    seed: int
    others: int = 4096
    temperature: float = 0.07
    closeness: float = 4.0
    """The weight of the distance beside that of the similarities."""

    def batches(self, first: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """See Lesson."""
        targets = torch.from_numpy(self.targets)
        with ThreadPoolExecutor(cores()) as threads:
            views = prefetch_map(threads, self._view, self._numbers(first), ahead=4 * self.batch)
            for number, shown in zip(count(first), batched(views, self.batch)):
                rows = torch.from_numpy(np.array([row for row, _ in shown]))
                draw = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
                others = torch.randint(len(targets), (self.others,), generator=draw)
                yield as_tensor([view for _, view in shown]), [targets[rows], targets[others]]

    def loss(self, student: Student, pixels: Tensor, wanted: list[Tensor]) -> Tensor:
        """Distance and similarities."""
        own, others = wanted
        given = student(pixels)
        distance = 1 - (given * own).sum(1).mean()
        teachers = functional.softmax(own @ others.T / self.temperature, dim=1)
        students = functional.log_softmax(given @ others.T / self.temperature, dim=1)
        similarities = functional.kl_div(students, teachers, reduction="batchmean")
        loss: Tensor = self.closeness * distance + similarities
        return loss

    def _numbers(self, first: int) -> Iterator[tuple[int, int]]:
        """(number of the showing, row of the view), every view once in each round."""
        start = first * self.batch
        for turn in count(start // len(self.views)):
            order = np.random.default_rng((self.seed, turn)).permutation(len(self.views))
            skipped = max(0, start - turn * len(self.views))
            for place, row in islice(enumerate(order.tolist()), skipped, None):
                yield turn * len(self.views) + place, row

    def _view(self, showing: tuple[int, int]) -> tuple[int, Pixels]:
        number, row = showing
        rng = np.random.default_rng((self.seed, number, row))
        image = changed(Image.fromarray(self.views[row]), self.odds, rng)
        return row, np.asarray(square(image, self.size))
