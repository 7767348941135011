"""The three stages of distillation, each resumable: blocks, feature maps, embedding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from distillation.blockwise import Report, train_blocks
from distillation.config import Config, ViewConfig
from distillation.loop import train_student
from distillation.objectives import Embedding, FeatureMaps
from distillation.target import JointEmbedding, Rows
from distillation.teachers import Teacher
from distillation.views import Views
from PIL import Image
from torch import Tensor

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.concurrency import batched
from imagefinder.training.augmentation import Pixels, square
from imagefinder.training.checkpoints import load, save
from imagefinder.training.dataloader import as_tensor
from imagefinder.training.device import device
from imagefinder.training.models.mobilenet import MobileNetV2

_SAMPLE = 8192
_BATCH = 64


@dataclass(frozen=True)
class Stages:
    """A distillation: its configuration, and the folders of images, teachers and checkpoints."""

    config: Config
    images: Path
    teachers: Path
    work: Path
    report: Report

    def student(self) -> MobileNetV2:
        """The student after all three stages."""
        torch.manual_seed(self.config.seed)
        student = MobileNetV2(self.config.embedding.dim, self.config.width).to(device())
        self._train_blocks(student)
        self._train_feature_maps(student)
        self._train_embedding(student)
        return student

    def _train_blocks(self, student: MobileNetV2) -> None:
        config, checkpoint = self.config.blocks, self.work / "blocks.pt"
        states = {"student": student}
        done = load(checkpoint, states)
        if done == len(student.blocks):
            return
        views = self._cached(config.views, "blocks")
        for trained in train_blocks(
            student, self.teacher_models[0], views, config.groups, done, self.report
        ):
            save(checkpoint, states, trained)

    def _train_feature_maps(self, student: MobileNetV2) -> None:
        config, teacher = self.config.feature_maps, self.teacher_models[0]
        objective = FeatureMaps(teacher, self.views(config.views), config.batch, config.depths)
        checkpoint = self.work / "feature-maps.pt"
        train_student(student, objective, config.schedule, checkpoint, self.report)

    def _train_embedding(self, student: MobileNetV2) -> None:
        config = self.config.embedding
        views = self._cached(config.views, "embedding")
        targets = self._targets(views)
        checkpoints = [self.work / f"embedding-{n}.pt" for n in range(len(config.rounds))]
        if not checkpoints[0].exists():
            _initialize_embedding(
                student, views[:_SAMPLE], targets[:_SAMPLE], config.rounds[0].size
            )
        for one, checkpoint in zip(config.rounds, checkpoints, strict=True):
            objective = Embedding(views, targets, one.size, one.batch, one.augmentations, one.seed)
            train_student(student, objective, one.schedule, checkpoint, self.report)
        _center_embedding(student, views[:_SAMPLE], self.config.size)

    def _targets(self, views: Pixels) -> Rows:
        config, file = self.config.embedding, self.work / "teachers.npy"
        if not file.exists():
            rows = [_embeddings(teacher, views) for teacher in self.teacher_models]
            with atomic_write(file) as unfinished:
                np.save(unfinished, np.stack(rows))
        teachers = list(np.load(file))
        weights = [teacher.weight for teacher in self.config.teachers]
        joint = JointEmbedding.fit(teachers, weights, config.dim, config.whitening)
        return joint.transform(teachers)

    def _cached(self, config: ViewConfig, name: str) -> Pixels:
        return self.views(config).cached(config.count, self.work / f"{name}-views.npy")

    def views(self, config: ViewConfig) -> Views:
        """Views of the configured sources."""
        sources = tuple(self.config.sources)
        return Views(
            self.images, sources, config.size, config.seed, config.augmentations, config.mosaics
        )

    @cached_property
    def teacher_models(self) -> list[Teacher]:
        """In the order of the configuration."""
        return [teacher.open(self.teachers) for teacher in self.config.teachers]


def _embeddings(teacher: Teacher, views: Pixels) -> Rows:
    infer = teacher.compile(["embedding"], views.shape[1])
    return np.stack([row for (row,) in infer(views)])


@torch.no_grad()
def _initialize_embedding(student: MobileNetV2, views: Pixels, targets: Rows, size: int) -> None:
    """Fit the last layer by ridge regression, so that the training need not start from noise."""
    batches = _inputs(views, size, student.embed.weight.device)
    pooled = np.concatenate([student.pooled(batch).cpu().numpy() for batch in batches])
    center, intercept = pooled.mean(axis=0), targets.mean(axis=0)
    centered = pooled - center
    penalty = 0.01 * float(centered.var()) * len(centered)
    ridge = penalty * np.eye(centered.shape[1], dtype=np.float32)
    covariance = centered.T @ centered + ridge
    weight = np.linalg.solve(covariance, centered.T @ (targets - intercept)).T
    student.embed.weight.copy_(torch.from_numpy(weight))
    student.embed.bias.copy_(torch.from_numpy(intercept - weight @ center))


@torch.no_grad()
def _center_embedding(student: MobileNetV2, views: Pixels, size: int) -> None:
    """Make the mean embedding of unaugmented images zero, at the final input size."""
    where = student.embed.weight.device
    rows = [student.embed(student.pooled(batch)) for batch in _inputs(views, size, where)]
    student.embed.bias.sub_(torch.cat(rows).mean(0))


def _inputs(views: Pixels, size: int, where: torch.device) -> Iterator[Tensor]:
    """Batches of -1 to 1 at that size."""
    for batch in batched(views, _BATCH):
        resized = [np.asarray(square(Image.fromarray(view), size)) for view in batch]
        yield as_tensor(resized).to(where).float() / 127.5 - 1
