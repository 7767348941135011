"""Upgrade: a catalogue goes over to another encoder while it is searched and added to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.reencoding import LostImage, Reencoder
from imagefinder.catalogue.set_aside import check_target, set_aside
from imagefinder.encoders.default import usual_default_encoder
from imagefinder.encoders.regions import like_stored, whole_recipe
from imagefinder.errors import EncoderChanged, PluginError, RecipeMismatch, StoreError
from imagefinder.registry.factory import encoder_from, make_encoder, recipe_of
from imagefinder.registry.recipes import differences
from imagefinder.stores.opening import file_at, open_store
from imagefinder.types import (
    Encoder,
    Failure,
    OtherVectors,
    Progress,
    Recipe,
    Store,
    Upgradable,
    Upgrade,
)

Kind = TypeVar("Kind", bound=Catalogue)

ForMissing: TypeAlias = Literal["stop", "drop", "keep-old"]
"""What is done with images that cannot be encoded again: nothing, so that the upgrade stops before
the switch; they are removed; or they go to a catalogue of their own with their former vectors."""

_FEW = 64  # images encoded while other programs wait to write
_ROUNDS = 5  # after which all are, however many are added meanwhile


@dataclass(frozen=True)
class UpgradeOptions:
    """What becomes of images that are missing, and of former vectors. Raises ValueError."""

    missing: ForMissing = "stop"
    old: str | os.PathLike[str] | None = None
    """The catalogue that images go to which keep their former vectors."""
    keep: bool = False
    """Whether former vectors stay in the file, to go back to."""
    metadata: Sequence[str] = ()
    """Names of the stored texts that are about an encoder's vectors."""

    def __post_init__(self) -> None:
        if self.missing not in get_args(ForMissing):
            raise ValueError(f"missing must be one of {', '.join(get_args(ForMissing))}")
        if self.missing == "keep-old" and self.old is None:
            raise ValueError("keep-old needs a catalogue for these images: name one as old")
        if self.missing != "keep-old" and self.old is not None:
            raise ValueError("old goes with missing='keep-old'")


@dataclass
class UpgradeReport:
    """The result of an upgrade."""

    before: Recipe
    after: Recipe
    is_switched: bool = False
    """Whether the catalogue is searched by the new encoder now."""
    images: int = 0
    encoded: int = 0
    """How many images were encoded by this call; those before it were interrupted not counted."""
    lost: Sequence[LostImage] = ()
    """The images that could not be encoded again."""
    notes: list[str] = field(default_factory=list)
    """What did not carry over, and what to do about it."""
    seconds: float = 0.0

    @property
    def is_same(self) -> bool:
        """Whether it was searched by that encoder before."""
        return differences(self.before, self.after) is None

    @property
    def names(self) -> tuple[str, str]:
        """Of the encoders before and after."""
        return whole_recipe(self.before).encoder, whole_recipe(self.after).encoder

    @property
    def failures(self) -> list[Failure]:
        """The images that could not be encoded again, by their paths or ids."""
        return [Failure(one.record.path or one.record.id, one.reason) for one in self.lost]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        before, after = self.names
        return {
            "from": before,
            "to": after,
            "switched": self.is_switched,
            "images": self.images,
            "encoded": self.encoded,
            "missing": [
                {"id": one.record.id, "path": one.record.path, "reason": one.reason}
                for one in self.lost
            ],
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


_DEFAULT = UpgradeOptions()


def upgrade(
    catalogue: Catalogue,
    encoder: str | Encoder | None = None,
    options: UpgradeOptions = _DEFAULT,
    progress: Progress = iter,
) -> UpgradeReport:
    """Go over to another encoder; see ``Finder.upgrade``."""
    began = perf_counter()
    catalogue.refresh()
    pinned = catalogue.pinned()
    chosen = encoder or usual_default_encoder()
    named = make_encoder(chosen) if isinstance(chosen, str) else chosen
    target = like_stored(named, pinned.recipe)
    report = UpgradeReport(pinned.recipe, recipe_of(target))
    if report.is_same:
        report.is_switched = True
    else:
        encoder_from(report.after)  # raises for one that other programs could not make
        try:
            _upgrade(pinned, target, report, options, progress)
        except EncoderChanged:
            report.is_switched = True
    if catalogue.refresh():
        _check_reached(report, catalogue)
        report.notes += _notes(pinned, catalogue, options)
    report.images = len(catalogue)
    report.seconds = perf_counter() - began
    return report


def open_for_upgrade(cls: type[Kind], path: str | os.PathLike[str], encoder: Encoder) -> Kind:
    """A catalogue to upgrade to an encoder, even if its own cannot be made here any longer.

    Such a one can be upgraded, and nothing else.
    """
    try:
        return cls.open(path)
    except (PluginError, RecipeMismatch):
        return cls(open_store(path), encoder)


def former_encoder(catalogue: Catalogue) -> Encoder:
    """That of the vectors which an upgrade has kept. Raises StoreError if there are none."""
    other = other_vectors(catalogue.store)
    if other is None or not other.is_kept:
        raise StoreError(
            "no former vectors are kept in it, as upgrade --keep does: to go back, upgrade it to "
            "the former encoder"
        )
    return encoder_from(other.recipe)


def other_vectors(store: Store) -> OtherVectors | None:
    """What an upgrade has made so far or kept."""
    return store.other_vectors() if isinstance(store, Upgradable) else None


def discard(store: Store) -> OtherVectors | None:
    """Delete what an upgrade has made so far or kept; what that was."""
    found = other_vectors(store)
    if found is not None:
        _upgradable(store).discard_other_vectors()
    return found


def _upgradable(store: Store) -> Upgradable:
    if not isinstance(store, Upgradable):
        raise StoreError(
            "catalogues in this kind of store cannot be upgraded: make a new one with another "
            "encoder"
        )
    return store


def _upgrade(
    pinned: Catalogue,
    target: Encoder,
    report: UpgradeReport,
    options: UpgradeOptions,
    progress: Progress,
) -> None:
    store = _upgradable(pinned.store)
    old = None
    if options.missing == "keep-old" and options.old:
        old = file_at(options.old, "the catalogue of old vectors")
    if old is not None:
        check_target(pinned, old)
    job = store.begin_upgrade(_as_begun(store, report.after))
    reencoder = Reencoder(pinned, target, job)
    with _all_encoded(job, reencoder, progress):
        report.lost, report.encoded = reencoder.lost(), reencoder.encoded
        if report.lost and options.missing == "stop":
            return
        if report.lost and old is not None:
            set_aside(pinned, [one.record for one in report.lost], old)
        job.switch(options.keep, [one.record.key for one in report.lost], options.metadata)
    report.is_switched = True


def _as_begun(store: Upgradable, recipe: Recipe) -> Recipe:
    """As the same upgrade was begun with, perhaps by a version that had fewer options."""
    begun = store.other_vectors()
    if begun is None or differences(begun.recipe, recipe) is not None:
        return recipe
    return replace(begun.recipe, runtime=recipe.runtime)


@contextmanager
def _all_encoded(job: Upgrade, reencoder: Reencoder, progress: Progress) -> Iterator[None]:
    """All images have new vectors that can have some, and no other program writes."""
    reencoder.run(progress)
    for number in count():
        with job.exclusively():
            if reencoder.count_waiting() <= _FEW or number >= _ROUNDS:
                reencoder.run()
                yield
                return
        reencoder.run()


def _check_reached(report: UpgradeReport, catalogue: Catalogue) -> None:
    """Raises StoreError if another program has upgraded it to yet another encoder meanwhile."""
    if differences(catalogue.recipe, report.after) is not None:
        raise StoreError(
            f"another program has upgraded it to {catalogue.recipe} meanwhile: run this again if "
            f"it is to be {report.after}"
        )


def _notes(before: Catalogue, after: Catalogue, options: UpgradeOptions) -> list[str]:
    """What has not carried over, and what to do about it."""
    notes = []
    if whole_recipe(before.recipe).encoder == "reduced":
        notes.append("its vectors are not reduced by PCA any longer: imagefinder reduce does that")
    if before.store.index.kind != after.store.index.kind:
        notes.append(
            f"the index {before.store.index.kind} cannot compare the new vectors: searches are "
            "exact until imagefinder index build"
        )
    return notes
