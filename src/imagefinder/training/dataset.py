"""The training dataset: images with class labels, and which of them are held out for validation."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagefinder._utils.text import one_line
from imagefinder.catalogue.labels import folder_label
from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input
from imagefinder.images.walk import find_images
from imagefinder.training.settings import ObjectiveName
from imagefinder.types import Failure

MIN_IMAGES = 32
"""With fewer, nothing is trained."""
MIN_IMAGES_OF_CLASS = 4
"""With fewer, a class is trained on but none of its images validates."""
_MAX_VALIDATION = 2000
"""Validation images are compared pairwise."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class LabeledImages:
    """Files, and the class label of each; an empty label is unknown."""

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    failed: tuple[Failure, ...] = ()
    """Files that cannot be used."""

    @classmethod
    def from_folder(cls, folder: Path) -> LabeledImages:
        """All images below a folder, labeled with the name of the folder each lies in.

        Those directly in ``folder`` have no label. Raises TrainingError.
        """
        if not folder.is_dir():
            raise TrainingError(f"there is no folder {folder}")
        failed: list[Failure] = []

        def unreadable(error: OSError) -> None:
            failed.append(Failure(str(error.filename), one_line(error)))

        paths = list(find_images(folder, unreadable))
        labels = (folder_label(path.relative_to(folder)) or "" for path in paths)
        return cls(tuple(map(str, paths)), tuple(labels), tuple(failed))

    @classmethod
    def from_metadata(cls, images: Iterable[Input], column: str | None) -> LabeledImages:
        """Downloaded images, labeled by this column of their metadata."""
        found = [(str(one.path), one.first_metadata.get(column or "")) for one in images]
        labels = ("" if value is None else str(value) for _, value in found)
        return cls(tuple(path for path, _ in found), tuple(labels))

    def __len__(self) -> int:
        """How many images."""
        return len(self.paths)

    def without(self, failures: Iterable[Failure]) -> LabeledImages:
        """The other images; the failures are added to ``failed``."""
        failures = tuple(failures)
        excluded = {failure.path for failure in failures}
        rest = [one for one in zip(self.paths, self.labels, strict=True) if one[0] not in excluded]
        paths, labels = zip(*rest, strict=True) if rest else ((), ())
        return replace(self, paths=paths, labels=labels, failed=(*self.failed, *failures))

    def labeled(self) -> LabeledImages:
        """Those whose label is known."""
        return self.without(
            Failure(path, "no class: the image is not in a subfolder")
            for path, label in zip(self.paths, self.labels, strict=True)
            if not label
        )

    def fingerprint(self) -> str:
        """A hash of the files' paths, sizes, modification times and labels."""
        hashed = hashlib.sha256()
        for path, label in zip(self.paths, self.labels, strict=True):
            try:
                found = os.stat(path)
                state = f"{found.st_size} {found.st_mtime_ns}"
            except OSError:
                state = "gone"
            hashed.update(f"{path}\0{label}\0{state}\n".encode(errors="surrogateescape"))
        return hashed.hexdigest()


def check_trainable(images: LabeledImages, objective: ObjectiveName) -> None:
    """Raises TrainingError with a remedy if there are too few images, or labels of them."""
    if len(images) < MIN_IMAGES:
        raise TrainingError(
            f"{len(images)} images are too few to train on: at least {MIN_IMAGES} are needed"
            + _first(images.failed)
        )
    if objective != "labels":
        return
    classes = set(images.labels) - {""}
    if len(classes) < 2:
        found = f"all images are of one class, {classes.pop()!r}" if classes else "there are none"
        raise TrainingError(
            f"labels needs at least two classes, but {found}: sort the images into one folder "
            "per class (for a list, name the column with --label), or use --objective contrastive"
        )
    if not validation_classes(images.labels):
        raise TrainingError(
            f"labels needs two classes of at least {MIN_IMAGES_OF_CLASS} images: "
            "add images, or use --objective contrastive"
        )


def _first(failed: Sequence[Failure]) -> str:
    if not failed:
        return ""
    return f"; {len(failed)} cannot be used, the first is {failed[0].path}: {failed[0].reason}"


def validation_classes(labels: Sequence[str]) -> list[str]:
    """The classes with images to spare for validation; none, unless there are two."""
    large = [
        label for label, count in Counter(labels).items() if label and count >= MIN_IMAGES_OF_CLASS
    ]
    return sorted(large) if len(large) > 1 else []


def validation_split(labels: Sequence[str], fraction: float, seed: int) -> Indices:
    """The indices of the validation images, ascending: a stratified sample.

    At least two images of each class that has some to spare; without classes at least eight
    images. Never more than half.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(labels)
    groups = [np.flatnonzero(names == name) for name in validation_classes(labels)]
    least = 2
    if not groups:
        groups, least = [np.arange(len(names))], 8
    fraction = min(fraction, _MAX_VALIDATION / len(names))
    chosen = [
        rng.permutation(group)[: min(max(least, round(fraction * len(group))), len(group) // 2)]
        for group in groups
    ]
    return np.sort(np.concatenate(chosen))[:_MAX_VALIDATION]
