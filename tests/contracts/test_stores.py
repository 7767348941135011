"""Every store keeps the contract. A new one joins by a line in its table."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.object_store import KINDS, ObjectStore
from tests.postgres_server import Server

from imagefinder.registry.plugins import index_kinds, load, plugins
from imagefinder.stores.lance.store import LanceStore
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.stores.sqlite.store import SqliteStore
from imagefinder.testing.contracts import check_copyable, check_store, check_upgradable
from imagefinder.types import IndexChoice, Measure, Recipe, Store

MakeStore = Callable[[Path, Recipe], Store]
"""A new, empty store for a recipe, in an empty folder of its own."""

EXTRACTOR = Recipe("corners", {}, 16, "cosine")
EXACT = IndexChoice("exact")


def sqlite(
    index: IndexChoice | None = EXACT, extractor: Recipe | None = None
) -> Callable[[Path, Recipe], Store]:
    return lambda folder, recipe: SqliteStore.create(folder / "c.db", recipe, index, extractor)


def kinds(store: str) -> list[tuple[str, Measure]]:
    """The kinds of index that a store can search by, and their measures."""
    return [
        (kind, measure) for kind in index_kinds(store) for measure in load("indexes", kind).measures
    ]


STORES: list[tuple[str, Measure, MakeStore]] = [
    *((f"sqlite {kind}", measure, sqlite(IndexChoice(kind))) for kind, measure in kinds("sqlite")),
    ("sqlite", "cosine", sqlite(None)),
    ("sqlite with local features", "cosine", sqlite(extractor=EXTRACTOR)),
]
IN_DATABASES: list[tuple[str, Measure, IndexChoice | None, Recipe | None]] = [
    ("postgres pgvector", "l2", IndexChoice("pgvector"), None),
    ("postgres pgvector-hnsw", "hamming", IndexChoice("pgvector-hnsw"), None),
    ("postgres with local features", "cosine", EXACT, EXTRACTOR),
]
IN_LANCE: list[tuple[str, Measure, IndexChoice | None, Recipe | None]] = [
    ("lance", "cosine", None, None),
    ("lance scan", "l2", IndexChoice("lance"), None),
    ("lance scan", "hamming", IndexChoice("lance"), None),
    ("lance with local features", "dot", IndexChoice("lance"), EXTRACTOR),
]


@pytest.mark.parametrize(
    ("measure", "make"), [pytest.param(*case, id=f"{name} {case[0]}") for name, *case in STORES]
)
def test_every_store_keeps_the_contract(measure: Measure, make: MakeStore, tmp_path: Path) -> None:
    numbers = count()

    def in_a_new_folder(recipe: Recipe) -> Store:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return make(folder, recipe)

    check_store(in_a_new_folder, measure)
    check_upgradable(in_a_new_folder, measure)


@pytest.mark.parametrize("measure", ["cosine", "hamming"])
def test_every_store_can_be_copied(measure: Measure, tmp_path: Path) -> None:
    numbers = count()
    check_copyable(SqliteStore, lambda: tmp_path / f"{next(numbers)}.db", measure)


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize("measure", ["cosine", "hamming"])
def test_every_store_in_a_database_can_be_copied(measure: Measure, postgres: Server) -> None:
    check_copyable(PostgresStore, postgres.url, measure)


@pytest.mark.parametrize(
    ("measure", "index", "extractor"),
    [pytest.param(*case, id=f"{name} {case[0]}") for name, *case in IN_DATABASES],
)
def test_every_store_in_a_database_keeps_it(
    measure: Measure,
    index: IndexChoice | None,
    extractor: Recipe | None,
    postgres: Server,
    caches: Path,
) -> None:
    def create(recipe: Recipe) -> Store:
        return PostgresStore.create(postgres.url(), recipe, index, extractor)

    check_store(create, measure)
    check_upgradable(create, measure)


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize(
    ("measure", "index", "extractor"),
    [pytest.param(*case, id=f"{name} {case[0]}") for name, *case in IN_LANCE],
)
def test_a_store_in_lance_keeps_it(
    measure: Measure, index: IndexChoice | None, extractor: Recipe | None, tmp_path: Path
) -> None:
    numbers = count()

    def create(recipe: Recipe) -> Store:
        return LanceStore.create(tmp_path / f"{next(numbers)}.lance", recipe, index, extractor)

    check_store(create, measure)


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize("measure", ["cosine", "hamming"])
def test_every_store_in_lance_can_be_copied(measure: Measure, tmp_path: Path) -> None:
    numbers = count()
    check_copyable(LanceStore, lambda: tmp_path / f"{next(numbers)}.lance", measure)


@pytest.mark.usefixtures("caches")
@pytest.mark.parametrize("object_store", KINDS, indirect=True)
@pytest.mark.parametrize("extractor", [None, EXTRACTOR])
def test_a_store_in_a_bucket_keeps_it(extractor: Recipe | None, object_store: ObjectStore) -> None:
    def create(recipe: Recipe) -> Store:
        address = f"{object_store.bucket()}/catalogue"
        return LanceStore.create(address, recipe, EXACT, extractor)

    check_store(create, "cosine")


def test_every_registered_store_is_among_them() -> None:
    tested = {name for name, *_ in [*STORES, *IN_DATABASES, *IN_LANCE]}
    assert set(plugins("stores")) == {str(name).split()[0] for name in tested}
