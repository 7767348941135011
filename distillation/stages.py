"""The three stages in their order, each taken up where it was left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from distillation.blockwise import train_parts
from distillation.config import Plan, ViewPlan
from distillation.loop import Report, run_pass
from distillation.objectives import Embedding, Maps
from distillation.target import Rows, Target
from distillation.teachers import Teacher
from distillation.views import Views
from PIL import Image
from torch import Tensor

from imagefinder._utils.concurrency import batched
from imagefinder.training.augmentation import Pixels, square
from imagefinder.training.checkpoints import load, save
from imagefinder.training.dataloader import as_tensor
from imagefinder.training.device import device
from imagefinder.training.models.mobilenet import Student

_SAMPLE = 8192
_BATCH = 64


@dataclass(frozen=True)
class Stages:
    """One training: its plan, and where its images, teachers and checkpoints lie."""

    plan: Plan
    images: Path
    teachers: Path
    work: Path
    report: Report

    def student(self) -> Student:
        """The student after all three stages."""
        torch.manual_seed(self.plan.seed)
        student = Student(self.plan.embedding.dim, self.plan.width).to(device())
        self._parts(student)
        self._maps(student)
        self._embedding(student)
        return student

    def _parts(self, student: Student) -> None:
        plan, checkpoint = self.plan.parts, self.work / "parts.pt"
        states = {"student": student}
        done = load(checkpoint, states)
        if done == len(student.parts):
            return
        views = self._kept(plan.views, "parts")
        for trained in train_parts(
            student, self.opened_teachers[0], views, plan.groups, done, self.report
        ):
            save(checkpoint, states, trained)

    def _maps(self, student: Student) -> None:
        plan = self.plan.maps
        lesson = Maps(self.opened_teachers[0], self.views(plan.views), plan.batch, plan.depths)
        run_pass(student, lesson, plan.course, self.work / "maps.pt", self.report)

    def _embedding(self, student: Student) -> None:
        plan = self.plan.embedding
        views = self._kept(plan.views, "embedding")
        targets = self._targets(views)
        checkpoints = [self.work / f"embedding-{n}.pt" for n in range(len(plan.rounds))]
        if not checkpoints[0].exists():
            _begin_embedding(student, views[:_SAMPLE], targets[:_SAMPLE], plan.rounds[0].size)
        for turn, checkpoint in zip(plan.rounds, checkpoints, strict=True):
            lesson = Embedding(views, targets, turn.size, turn.batch, turn.odds, turn.seed)
            run_pass(student, lesson, turn.course, checkpoint, self.report)
        _settle(student, views[:_SAMPLE], self.plan.size)

    def _targets(self, views: Pixels) -> Rows:
        plan, file = self.plan.embedding, self.work / "teachers.npy"
        if not file.exists():
            rows = [_embeddings(teacher, views) for teacher in self.opened_teachers]
            unfinished = file.with_suffix(".part.npy")
            np.save(unfinished, np.stack(rows))
            unfinished.rename(file)
        teachers = list(np.load(file))
        weights = [teacher.weight for teacher in self.plan.teachers]
        return Target.fitted(teachers, weights, plan.dim, plan.whitening).of(teachers)

    def _kept(self, plan: ViewPlan, name: str) -> Pixels:
        return self.views(plan).kept(plan.count, self.work / f"{name}-views.npy")

    def views(self, plan: ViewPlan) -> Views:
        """Views of the plan's sources."""
        sources = tuple(self.plan.sources)
        return Views(self.images, sources, plan.size, plan.seed, plan.odds, plan.mosaics)

    @cached_property
    def opened_teachers(self) -> list[Teacher]:
        """In the plan's order."""
        return [teacher.opened(self.teachers) for teacher in self.plan.teachers]


def _embeddings(teacher: Teacher, views: Pixels) -> Rows:
    teach = teacher.normalized_for(["embedding"], views.shape[1])
    return np.stack([row for (row,) in teach(views)])


@torch.no_grad()
def _begin_embedding(student: Student, views: Pixels, targets: Rows, size: int) -> None:
    """The last layer by ridge regression, so that the pass does not begin with noise."""
    shown = _shown(views, size, student.embed.weight.device)
    pooled = np.concatenate([student.pooled(batch).cpu().numpy() for batch in shown])
    centre, middle = pooled.mean(axis=0), targets.mean(axis=0)
    spread = pooled - centre
    ridge = 0.01 * float(spread.var()) * len(spread) * np.eye(spread.shape[1], dtype=np.float32)
    weight = np.linalg.solve(spread.T @ spread + ridge, spread.T @ (targets - middle)).T
    student.embed.weight.copy_(torch.from_numpy(weight))
    student.embed.bias.copy_(torch.from_numpy(middle - weight @ centre))


@torch.no_grad()
def _settle(student: Student, views: Pixels, size: int) -> None:
    """Bring the centre of images as they come to zero, at the size that they will have."""
    where = student.embed.weight.device
    rows = [student.embed(student.pooled(batch)) for batch in _shown(views, size, where)]
    student.embed.bias.sub_(torch.cat(rows).mean(0))


def _shown(views: Pixels, size: int, where: torch.device) -> Iterator[Tensor]:
    """Batches of -1 to 1 at that size."""
    for batch in batched(views, _BATCH):
        resized = [np.asarray(square(Image.fromarray(view), size)) for view in batch]
        yield as_tensor(resized).to(where).float() / 127.5 - 1
