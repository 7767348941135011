"""Contract suite of stores whose vectors can be exchanged for another encoder's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.testing import assert_array_equal

from imagefinder.errors import EncoderChanged, StoreError
from imagefinder.testing.contracts.samples import random_entries, random_vectors
from imagefinder.types import Features, Keys, Measure, Recipe, Store, Upgradable, Upgrade

_DIM, _OTHER_DIM = 8, 6
_IMAGES = 12
_TEXTS = ("of the vectors", "of another measure")


def check_upgradable(make: Callable[[Recipe], Store], measure: Measure) -> None:
    """Upgrades that go on, are given up, switch, and return to the vectors that were kept.

    ``make`` gives a new, empty store for a recipe at every call; a store that is not Upgradable
    passes.
    """
    case = _Case(make, measure)
    for check in (_check_unfinished, _check_switch, _check_kept, _check_discarded):
        store = case.filled()
        try:
            if isinstance(store, Upgradable):
                check(case, store, store)
        finally:
            store.close()


@dataclass(frozen=True)
class _Case:
    make: Callable[[Recipe], Store]
    measure: Measure

    @property
    def before(self) -> Recipe:
        return Recipe("before", {}, _DIM, self.measure)

    @property
    def after(self) -> Recipe:
        return Recipe("after", {}, _OTHER_DIM, self.measure)

    def filled(self) -> Store:
        store = self.make(self.before)
        assert store.write(random_entries(_IMAGES, _DIM, self.measure)) == ["added"] * _IMAGES
        return store

    def features(self, keys: Keys) -> dict[int, Features]:
        """By the other encoder: one vector each, but for the first image, which has none."""
        rows = random_vectors(np.random.default_rng(1), len(keys), _OTHER_DIM, self.measure)
        return {key: rows[n : n + 1] if n else rows[:0] for n, key in enumerate(keys.tolist())}

    def finds(self, store: Store, key: int, row: Features) -> bool:
        """Whether a vector finds its image, if the measure has it that way."""
        found = store.search(row, 1).keys.tolist()
        return found == [[key]] or (self.measure == "dot" and len(found) == 1)

    def encode(self, upgrade: Upgrade) -> dict[int, Features]:
        features = self.features(upgrade.missing())
        upgrade.write(features)
        return features


def _check_unfinished(case: _Case, store: Store, same: Upgradable) -> None:
    assert same.other_vectors() is None, "there are none at first"
    upgrade = same.begin_upgrade(case.after)
    every = store.select()
    assert_array_equal(upgrade.missing(), every)
    assert_array_equal(upgrade.missing(int(every[2]), 4), every[3:7], "page by page")
    features = case.features(every)
    some = dict(list(features.items())[:5])
    upgrade.write(some)
    upgrade.write(some | {12345: features[int(every[1])]})  # twice, and one that is gone
    again = same.begin_upgrade(case.after)
    assert again.count() == 5, "it goes on"
    assert_array_equal(again.missing(), every[5:])
    about = same.other_vectors()
    assert about is not None and (about.recipe, about.is_kept) == (case.after, False)
    _check_raises(StoreError, lambda: again.switch(False, [], []), "some are missing")
    _check_raises(StoreError, lambda: same.begin_upgrade(case.before), "one at a time")
    assert same.successor() is None and store.recipe == case.before
    store.remove_images(every[:1].tolist())
    assert again.count() == 4, "what is removed has no vectors"
    own = store.features(int(every[1]))
    assert case.finds(store, int(every[1]), own), "searches go on meanwhile"


def _check_switch(case: _Case, store: Store, same: Upgradable) -> None:
    upgrade = same.begin_upgrade(case.after)
    features = case.encode(upgrade)
    late, lost = random_entries(2, _DIM, case.measure, first=_IMAGES)
    store.write([late, lost])
    row = random_vectors(np.random.default_rng(2), 1, _OTHER_DIM, case.measure)
    store.set_metadata(_TEXTS[0], "old")
    store.set_metadata("note", "stays")
    _check_raises(ValueError, lambda: _fail_in(upgrade, {late.record.key: row}), "it is undone")
    assert upgrade.missing().tolist() == sorted([late.record.key, lost.record.key])
    with upgrade.exclusively():
        upgrade.write({late.record.key: row})
        assert upgrade.missing().tolist() == [lost.record.key]
        upgrade.switch(False, [lost.record.key], _TEXTS)
    _check_outdated(case, store)
    assert store.get([lost.record.key]) == {}
    successor = same.successor()
    assert successor is not None and successor.recipe == case.after
    for key, rows in (features | {late.record.key: row}).items():
        assert_array_equal(successor.features(key), rows)
        assert not len(rows) or case.finds(successor, key, rows)
    assert successor.get_metadata(_TEXTS[0]) is None, "it was about the former vectors"
    assert successor.get_metadata("note") == "stays"
    assert isinstance(successor, Upgradable) and successor.other_vectors() is None
    successor.close()


def _fail_in(upgrade: Upgrade, features: dict[int, Features]) -> None:
    with upgrade.exclusively():
        upgrade.write(features)
        raise ValueError


def _check_outdated(case: _Case, store: Store) -> None:
    query = random_vectors(np.random.default_rng(3), 1, _DIM, case.measure)
    entries = random_entries(1, _DIM, case.measure, first=100)
    for use in (
        lambda: store.search(query, 1),
        lambda: store.features_of(store.select().tolist()),
        lambda: list(store.iter_records()),
        lambda: store.write(entries),
        lambda: store.update_runtime({}),
        lambda: store.set_metadata(_TEXTS[0], "late"),
    ):
        _check_raises(EncoderChanged, use, "a store that was opened before does not mix vectors")


def _check_kept(case: _Case, store: Store, same: Upgradable) -> None:
    former = {key: store.features(key) for key in store.select().tolist()}
    store.set_metadata(_TEXTS[0], "old")
    upgrade = same.begin_upgrade(case.after)
    case.encode(upgrade)
    upgrade.switch(True, [], _TEXTS)
    successor = same.successor()
    assert successor is not None and isinstance(successor, Upgradable)
    about = successor.other_vectors()
    assert about is not None and (about.recipe, about.is_kept) == (case.before, True)
    _check_raises(StoreError, lambda: successor.begin_upgrade(case.after), "those are kept")
    back = successor.begin_upgrade(case.before)
    assert not len(back.missing()), "all have their former vectors"
    back.switch(False, [], _TEXTS)
    again = successor.successor()
    assert again is not None and again.recipe == case.before
    for key, rows in former.items():
        assert_array_equal(again.features(key), rows)
    assert again.get_metadata(_TEXTS[0]) == "old"
    for one in (again, successor):
        one.close()


def _check_discarded(case: _Case, store: Store, same: Upgradable) -> None:
    upgrade = same.begin_upgrade(case.after)
    features = case.encode(upgrade)
    same.discard_other_vectors()
    assert same.other_vectors() is None
    _check_raises(StoreError, lambda: upgrade.write(features), "it was given up")
    assert same.begin_upgrade(case.after).count() == 0
    assert len(store) == _IMAGES


def _check_raises(kind: type[Exception], use: Callable[[], object], why: str) -> None:
    try:
        use()
    except kind:
        return
    raise AssertionError(f"{kind.__name__}: {why}")
