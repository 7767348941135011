"""A store beside a dictionary: whatever is done, in any order, both hold the same."""

import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from imagefinder.stores.lance.store import LanceStore
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.types import Entry, Features, File, Recipe, Record, Store, key_of

from ..postgres_server import Server

RECIPE = Recipe("test", {}, 8, "cosine")
STEPS = settings(stateful_step_count=20, deadline=None)


def record(content: str, path: str | None = None) -> Record:
    sha256 = hashlib.sha256(content.encode()).digest()
    files = (File(path, 1),) if path else ()
    return Record(key_of(sha256), sha256, 10, 4, 3, files)


def vector(content: str, other: bool = False) -> Features:
    rng = np.random.default_rng([ord(content), other])
    return rng.standard_normal((1, 8)).astype(np.float32)


class AnyOrder(RuleBasedStateMachine):
    """``places`` is what the store should hold, and ``vectors`` those of its contents.

    ``said`` is what is said of a content at a path.
    """

    def __init__(self, make: Callable[[], Store]) -> None:
        super().__init__()
        self.store = make()
        self.places: dict[str, str] = {}
        self.vectors: dict[str, Features] = {}
        self.said: dict[tuple[str, str], int] = {}

    @rule(
        content=st.sampled_from("abcdef"),
        path=st.sampled_from("1234"),
        other=st.booleans(),
        metadata=st.none() | st.integers(0, 2),
    )
    def add(self, content: str, path: str, other: bool, metadata: int | None) -> None:
        entry = record(content, f"/{path}")
        new = not self.store.has_content(entry.sha256)
        features = vector(content, other) if new else None
        about = None if metadata is None else {"n": metadata}
        self.store.write([Entry(entry, features, about)])
        if features is not None:
            self.vectors[content] = features
        self.places[f"/{path}"] = content
        if metadata is not None:
            self.said[content, f"/{path}"] = metadata
        self.settle()

    @rule(contents=st.lists(st.sampled_from("abcdef"), unique=True), path=st.sampled_from("1234"))
    def add_several(self, contents: list[str], path: str) -> None:
        """One after the other at the same path, in one transaction."""
        contents = [one for one in contents if one != self.places.get(f"/{path}")]
        self.store.write([Entry(record(one, f"/{path}"), vector(one)) for one in contents])
        for one in contents:
            if one not in self.places.values():
                self.vectors[one] = vector(one)
        if contents:
            self.places[f"/{path}"] = contents[-1]
        self.settle()

    @rule(path=st.sampled_from("1234"))
    def forget(self, path: str) -> None:
        assert self.store.remove_files([f"/{path}"]) == (f"/{path}" in self.places)
        self.places.pop(f"/{path}", None)
        self.settle()

    @rule(content=st.sampled_from("abcdef"))
    def remove(self, content: str) -> None:
        held = content in self.places.values()
        assert self.store.remove_images([record(content).key]) == held
        self.places = {path: c for path, c in self.places.items() if c != content}
        self.settle()

    def settle(self) -> None:
        """What was said of a path that is gone is said of one of which nothing is said."""
        for content, path in list(self.said):
            if self.places.get(path) != content:
                number = self.said.pop((content, path))
                others = sorted(other for other, c in self.places.items() if c == content)
                silent = [other for other in others if (content, other) not in self.said]
                if silent:
                    self.said[content, silent[0]] = number

    @invariant()
    def both_hold_the_same(self) -> None:
        contents = {record(c).key: c for c in self.places.values()}
        assert len(self.store) == len(contents)
        found = self.store.search(vector("a"), 99).keys[0]
        assert set(found.tolist()) == set(contents)
        assert list(self.store.iter_paths("/")) == sorted(self.places)
        located = self.store.lookup_paths(sorted(self.places))
        assert {path: known.key for path, known in located.items()} == {
            p: record(c).key for p, c in self.places.items()
        }
        for key, content in contents.items():
            nearest = self.store.search(self.vectors[content], 1)
            assert nearest.keys[0, 0] == key, "by the vector that it has now"
            said = {number for (c, _), number in self.said.items() if c == content}
            for number in range(3):
                assert (key in self.store.select(where={"n": number})) == (number in said)

    def teardown(self) -> None:
        self.store.close()


def run(make: Callable[[], Store], examples: int) -> None:
    class OfStore(AnyOrder):
        def __init__(self) -> None:
            super().__init__(make)

    run_state_machine_as_test(OfStore, settings=settings(STEPS, max_examples=examples))


def test_in_a_file(tmp_path: Path) -> None:
    numbers = count()

    def make() -> Store:
        return SqliteStore.create(tmp_path / f"{next(numbers)}.db", RECIPE)

    run(make, examples=25)


def test_in_a_database(postgres: Server, caches: Path) -> None:
    def make() -> Store:
        return PostgresStore.create(postgres.url(), RECIPE)

    run(make, examples=10)


def test_in_lance(tmp_path: Path, caches: Path) -> None:
    numbers = count()

    def make() -> Store:
        return LanceStore.create(tmp_path / f"{next(numbers)}.lance", RECIPE)

    run(make, examples=8)
