"""New images written column by column: the same rows as by an upsert of one after the other."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import lance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import StoreError
from imagefinder.stores.lance import schema
from imagefinder.stores.lance.address import Address
from imagefinder.stores.lance.draft import Draft
from imagefinder.stores.lance.known import Known, SortedNumbers
from imagefinder.stores.lance.new_images import NewImages
from imagefinder.stores.lance.store import LanceStore
from imagefinder.stores.lance.upsert_rows import DraftRows
from imagefinder.stores.upsert import Upsert
from imagefinder.testing.contracts import random_entries
from imagefinder.testing.contracts.samples import (
    random_local_features,
    random_signature,
    random_vectors,
    record_of,
)
from imagefinder.types import Entry, Recipe

RECIPE, EXTRACTOR = Recipe("test", {}, 4, "cosine"), Recipe("corners", {}, 3, "cosine")

pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    address = Address.of(tmp_path_factory.mktemp("lance") / "c.lance")
    return schema.make(address, RECIPE, schema.texts_of_new(RECIPE, EXTRACTOR))


@st.composite
def new_entries(draw: st.DrawFn) -> list[Entry]:
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    made = []
    for number in range(draw(st.integers(1, 5))):
        files = draw(st.integers(0, 3))
        record = record_of(*(f"/{number}/{file}" for file in range(max(1, files))))
        local = random_local_features(rng, draw(st.integers(0, 2)), EXTRACTOR.dim)
        made.append(
            Entry(
                replace(record, files=record.files[:files]),
                random_vectors(rng, draw(st.integers(0, 3)), RECIPE.dim, "cosine"),
                draw(st.none() | st.just({}) | st.just({"Köln": [1, None], "b": "'"})),
                draw(st.none() | st.just(local)),
                draw(st.none() | st.just(random_signature(rng))),
            )
        )
    return made


@settings(deadline=None, max_examples=60)
@given(entries=new_entries())
def test_the_rows_are_those_of_an_upsert(
    entries: Sequence[Entry], empty: lance.LanceDataset
) -> None:
    draft = Draft(empty)
    outcomes = Upsert(DraftRows(draft, RECIPE, EXTRACTOR)).write(entries)
    changes = draft.changes()
    new = NewImages.of(entries, RECIPE, EXTRACTOR)
    assert new is not None
    assert changes is not None
    assert changes.rows is not None
    table = new.table(empty.schema.remove_metadata(), draft.written)
    assert table.to_pylist() == changes.rows.to_pylist()
    assert outcomes == ["added"] * len(entries)


def test_entries_that_depend_on_each_other_are_upserted() -> None:
    one, other = random_entries(2, RECIPE.dim)
    same_path = replace(other, record=replace(other.record, files=one.record.files))
    assert NewImages.of([one, other], RECIPE, None) is not None
    for entries in ([], [one, one], [one, same_path], [one, replace(other, features=None)]):
        assert NewImages.of(entries, RECIPE, None) is None


@pytest.mark.parametrize("features", [np.zeros((1, 5), np.float32), np.zeros((1, 4)), np.zeros(4)])
def test_vectors_of_another_shape_are_refused(features: object, tmp_path: Path) -> None:
    good, other = random_entries(2, RECIPE.dim)
    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        with pytest.raises(StoreError, match=r"not float32 \(n, 4\)"):
            store.write([good, replace(other, features=features)])  # type: ignore[arg-type]
        infinite = np.full((1, 4), np.inf, np.float32)
        with pytest.raises(StoreError, match="not finite"):
            store.write([good, replace(other, features=infinite)])
        assert len(store) == 0


def test_what_is_stored_is_known_by_whichever_program_it_was_written(tmp_path: Path) -> None:
    first, second, third, fourth = random_entries(4, RECIPE.dim)
    with (
        closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store,
        closing(LanceStore.open(tmp_path / "c.lance")) as other,
    ):
        assert store.write([first]) == ["added"]
        assert other.write([second]) == ["added"]
        assert store.write([first, second, third]) == ["unchanged", "unchanged", "added"]
        assert other.remove_images([third.record.key]) == 1
        assert store.write([third, fourth]) == ["added", "added"]
        moved = replace(fourth, record=replace(fourth.record, files=third.record.files))
        assert other.write([moved]) == ["updated"]
        assert len(store) == 3


def test_what_is_known_is_read_once_it_pays(tmp_path: Path) -> None:
    entries = random_entries(30, RECIPE.dim)
    new = NewImages.of(random_entries(2, RECIPE.dim, first=100), RECIPE, None)
    assert new is not None
    with closing(LanceStore.create(tmp_path / "c.lance", RECIPE)) as store:
        store.write(entries)
        dataset = lance.dataset(str(tmp_path / "c.lance"))
        known = Known(first=5, credit=10)
        asked = [known.may_hold(dataset, new.keys, new.paths) for _ in range(4)]
        assert asked == [True, True, True, False], "30 rows cost more than 25"
        for keys, paths in (
            (np.array([entries[3].record.key]), ["/other"]),
            (new.keys, [*new.paths, str(entries[29].record.path)]),
        ):
            assert known.may_hold(dataset, keys, paths)


@given(batches=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1)), max_size=40))
def test_sorted_numbers_are_a_set(batches: list[list[int]]) -> None:
    numbers = SortedNumbers()
    for batch in batches:
        numbers.add(np.array(batch, np.int64))
    held = {number for batch in batches for number in batch}
    for number in (*held, 0, 1, -1):
        assert numbers.holds_any(np.array([number], np.int64)) == (number in held)
    assert not numbers.holds_any(np.array([], np.int64))
