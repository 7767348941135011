"""Copying: a whole catalogue into another store, equal to it bit by bit.

Both are walked through in order of the keys, and what the copy lacks, or has not alike, is written.
So a copy that was interrupted goes on by the same walk, even if its source has changed since.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.text import one_line
from imagefinder.catalogue import projection_file
from imagefinder.catalogue.comparison import (
    AllImages,
    Comparison,
    compare_images,
    different_properties,
    digest,
    images_of,
    open_snapshot,
    paired,
)
from imagefinder.stores.location import Location, is_url
from imagefinder.stores.opening import begin_copy, located
from imagefinder.types import Progress, Properties, Recipe, Snapshot, StoreCopy, StoredImage

_BATCH = 1000  # images written in one transaction, or fewer
_BATCH_BYTES = 32 * 2**20
_ROUNDS = 3  # another program may write to the copy, too


@dataclass
class CopyReport:
    """The result of copying a catalogue."""

    written: int = 0
    """How many images were written by this call; those before it was interrupted not counted."""
    comparison: Comparison = field(default_factory=Comparison)
    """Of the catalogue, as it was when the call began, with its copy."""
    notes: list[str] = field(default_factory=list)
    """What the copy does not have, and what to do about it."""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "written": self.written,
            **self.comparison.as_json(),
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


def copy(source: Location, target: Location, progress: Progress = iter) -> CopyReport:
    """Copy a catalogue; see ``Finder.copy``."""
    began = perf_counter()
    report = CopyReport()
    with open_snapshot(source) as snapshot:
        properties = snapshot.properties
        projection = _Projection.of(properties.recipe, target)
        with closing(begin_copy(target, properties, source)) as made:
            _copy_images(snapshot, made, report, progress)
            if report.comparison.is_equal:
                made.finish(replace(properties, recipe=projection.copy(report)))
    if report.comparison.is_equal:
        _compare_properties(properties, target, report)
    report.seconds = perf_counter() - began
    return report


def _copy_images(
    snapshot: Snapshot, made: StoreCopy, report: CopyReport, progress: Progress
) -> None:
    """Write what is not alike, until all is."""
    for _ in range(_ROUNDS):
        report.written += _write_differing(snapshot, made, progress)
        report.comparison = compare_images(snapshot, made, progress)
        if report.comparison.is_equal:
            return


def _write_differing(snapshot: Snapshot, made: StoreCopy, progress: Progress) -> int:
    written, batch = 0, _Batch(made)
    for key, image, copied in paired(progress(AllImages(snapshot)), images_of(made)):
        if image is None:
            batch.remove(key)
        elif copied is None or digest(copied) != digest(image):
            batch.write(image)
            written += 1
    batch.flush()
    return written


def _compare_properties(properties: Properties, target: Location, report: CopyReport) -> None:
    """Of the copy, which is finished."""
    with open_snapshot(target) as snapshot:
        copied = snapshot.properties
    report.comparison.properties = different_properties(properties, copied)
    if copied.index != properties.index:
        report.notes.append(
            f"the index {properties.index.kind} cannot be used in the copy: its searches are by "
            f"{copied.index.kind}, until imagefinder index build"
        )


@dataclass(frozen=True)
class _Projection:
    """What a copy needs of the file by which its vectors are reduced, if they are."""

    recipe: Recipe
    to: Path | None = None
    data: bytes = b""
    note: str | None = None

    @classmethod
    def of(cls, recipe: Recipe, copy: Location) -> _Projection:
        """Raises StoreError if there is another projection where it should be copied to."""
        file = projection_file.projection_of(recipe)
        if file is None:
            return cls(recipe)
        if is_url(copy):
            note = f"searches in the copy need {file}; where it is in another place, name it by "
            return cls(recipe, note=f"{note}--encoder reduced:FILE")
        try:
            data = file.read_bytes()
        except OSError as error:
            note = f"{file} cannot be read ({one_line(error)}): searches in the copy need it, too"
            return cls(recipe, note=note)
        to = projection_file.beside(Path(located(copy)))
        projection_file.check_place(to, data)
        return cls(recipe, to, data)

    def copy(self, report: CopyReport) -> Recipe:
        """Beside the copy; how its vectors are made from now on."""
        if self.note is not None:
            report.notes.append(self.note)
        if self.to is None:
            return self.recipe
        with atomic_write(self.to) as unfinished:
            unfinished.write_bytes(self.data)
        return projection_file.with_projection(self.recipe, self.to)


@dataclass
class _Batch:
    """What is to be changed in a copy, in large transactions and bounded memory."""

    made: StoreCopy
    images: list[StoredImage] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    size: int = 0

    def write(self, image: StoredImage) -> None:
        self.images.append(image)
        blobs = (image.vectors, image.other_vectors, image.local, image.signature)
        self.size += sum(len(blob) for blob in blobs if blob)
        if len(self.images) >= _BATCH or self.size >= _BATCH_BYTES:
            self.flush()

    def remove(self, key: int) -> None:
        self.removed.append(key)
        if len(self.removed) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        if self.removed:
            self.made.remove(self.removed)
        if self.images:
            self.made.write(self.images)
        self.images, self.removed, self.size = [], [], 0
