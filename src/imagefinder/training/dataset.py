"""The images that are learnt from, and the class of each."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagefinder.errors import TrainingError
from imagefinder.images.files import find_images
from imagefinder.images.inputs import Input
from imagefinder.training.settings import ObjectiveName
from imagefinder.types import Failure

LEAST = 32
"""Images, below which nothing is learnt."""
LEAST_OF_CLASS = 4
"""Images, below which a class is learnt from but cannot judge."""
_JUDGES = 2000
"""Held-out images are no more than that: each is compared with every other one."""

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Collection:
    """Files, and the class of each; an empty class is unknown."""

    paths: tuple[str, ...]
    classes: tuple[str, ...]
    failed: tuple[Failure, ...] = ()
    """What cannot be used, and why."""

    @classmethod
    def of_folder(cls, folder: Path) -> Collection:
        """All images in a folder; the folder that an image lies in names its class.

        Those that lie in ``folder`` itself have none. Raises TrainingError.
        """
        if not folder.is_dir():
            raise TrainingError(f"there is no folder {folder}")
        failed: list[Failure] = []

        def unreadable(error: OSError) -> None:
            failed.append(Failure(str(error.filename), error.strerror or str(error)))

        paths = list(find_images(folder, unreadable))
        classes = (path.parent.name if path.parent != folder else "" for path in paths)
        return cls(tuple(map(str, paths)), tuple(classes), tuple(failed))

    @classmethod
    def of_list(cls, images: Iterable[Input], column: str | None) -> Collection:
        """Downloaded images, whose metadata name their class in this column."""
        found = [(str(one.path), (one.metadata or {}).get(column or "")) for one in images]
        classes = ("" if value is None else str(value) for _, value in found)
        return cls(tuple(path for path, _ in found), tuple(classes))

    def __len__(self) -> int:
        """How many images."""
        return len(self.paths)

    def without(self, failures: Iterable[Failure]) -> Collection:
        """The others, and what was wrong with these."""
        failures = tuple(failures)
        gone = {failure.path for failure in failures}
        left = [one for one in zip(self.paths, self.classes, strict=True) if one[0] not in gone]
        paths, classes = zip(*left, strict=True) if left else ((), ())
        return replace(self, paths=paths, classes=classes, failed=(*self.failed, *failures))

    def known(self) -> Collection:
        """Those whose class is known."""
        return self.without(
            Failure(path, "it has no class: it lies in no folder of its own kind")
            for path, name in zip(self.paths, self.classes, strict=True)
            if not name
        )

    def digest(self) -> str:
        """Of the files' places, sizes and times, and their classes."""
        summed = hashlib.sha256()
        for path, name in zip(self.paths, self.classes, strict=True):
            try:
                found = os.stat(path)
                state = f"{found.st_size} {found.st_mtime_ns}"
            except OSError:
                state = "gone"
            summed.update(f"{path}\0{name}\0{state}\n".encode(errors="surrogateescape"))
        return summed.hexdigest()


def check(collection: Collection, objective: ObjectiveName) -> None:
    """Raises TrainingError, saying what to do, for images that cannot be learnt from."""
    if len(collection) < LEAST:
        raise TrainingError(
            f"{len(collection)} images are too few to learn from, {LEAST} are the least"
            + _first(collection.failed)
        )
    if objective != "labels":
        return
    names = set(collection.classes) - {""}
    if len(names) < 2:
        there = f"all are of the one class {names.pop()!r}" if names else "there are none"
        raise TrainingError(
            f"labels needs two classes at least, and {there}: sort the images into a folder for "
            "each class (of a list, name the column with --label), or use --objective contrastive"
        )
    if not judging(collection.classes):
        raise TrainingError(
            f"labels needs two classes of at least {LEAST_OF_CLASS} images: "
            "add images, or use --objective contrastive"
        )


def _first(failed: Sequence[Failure]) -> str:
    if not failed:
        return ""
    return f"; {len(failed)} cannot be used, the first is {failed[0].path}: {failed[0].reason}"


def judging(classes: Sequence[str]) -> list[str]:
    """The classes that have images to spare; none, unless there are two."""
    able = [name for name, count in Counter(classes).items() if name and count >= LEAST_OF_CLASS]
    return sorted(able) if len(able) > 1 else []


def held_out(classes: Sequence[str], share: float, seed: int) -> Numbers:
    """The numbers, ascending, of those that are not learnt from.

    Of each class that can judge its share, and two at least; of images without classes their
    share, and eight at least.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(classes)
    groups = [np.flatnonzero(names == name) for name in judging(classes)]
    least = 2
    if not groups:
        groups, least = [np.arange(len(names))], 8
    share = min(share, _JUDGES / len(names))
    chosen = [
        rng.permutation(group)[: min(max(least, round(share * len(group))), len(group) // 2)]
        for group in groups
    ]
    return np.sort(np.concatenate(chosen))[:_JUDGES]
