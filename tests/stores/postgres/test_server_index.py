"""Searches by the database itself: exact by a scan, by a graph, and never fewer than asked for."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from imagefinder.errors import PluginError
from imagefinder.stores.postgres import server_index
from imagefinder.stores.postgres.scan import parameter
from imagefinder.stores.postgres.server_index import PgvectorHnsw
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry, Features, IndexChoice, Measure, Recipe

from ...postgres_server import Server

DIM, COUNT, K = 32, 900, 10
HNSW = IndexChoice("pgvector-hnsw")


def vectors(measure: Measure) -> Features:
    """In groups, as those of images are; what a filter selects is not near to a query."""
    rng = np.random.default_rng(3)
    if measure == "hamming":
        return rng.integers(0, 256, (COUNT, DIM), np.uint8)
    groups = rng.standard_normal((30, DIM))
    rows = groups[np.arange(COUNT) % 30] + 0.3 * rng.standard_normal((COUNT, DIM))
    return rows.astype(np.float32)


def filled(postgres: Server, measure: Measure) -> PostgresStore:
    store = PostgresStore.create(postgres.url(), Recipe("test", {}, DIM, measure))
    rows = vectors(measure)
    store.write(
        [
            Entry(record_of(f"/p/{n}"), rows[n : n + 1], {"group": n % 30, "n": n})
            for n in range(COUNT)
        ]
    )
    return store


@pytest.fixture(scope="module")
def store(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStore]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        with closing(filled(postgres, "cosine")) as store:
            yield store


def reopened(store: PostgresStore, index: IndexChoice | None = None) -> PostgresStore:
    place = store._connections.address.parameters()
    account = "postgresql://{user}@{host}:{port}/{dbname}".format(**place)
    return PostgresStore.open(f"{account}#{store._connections.address.name}", index)


def recall(store: PostgresStore, where: dict[str, object] | None = None) -> float:
    """Of the k nearest, among those that a filter selects; there are always k."""
    queries = vectors("cosine")[:40:2] + np.float32(0.05)
    subset = None if where is None else store.select(where=where)
    found = store.search(queries, K, None, subset)
    assert found.keys.shape == (len(queries), K)
    assert (found.keys >= 0).all()
    with closing(reopened(store, IndexChoice("exact"))) as exact:
        nearest = exact.search(queries, K, None, subset)
    same = [len(np.intersect1d(*pair)) for pair in zip(found.keys, nearest.keys, strict=True)]
    return float(np.mean(same)) / K


@pytest.mark.parametrize(
    "options", [{}, {"quantization": "bit"}, {"m": 8, "ef_construction": 32, "ef_search": 40}]
)
def test_a_graph_finds_nearly_what_is_nearest(
    options: dict[str, object], store: PostgresStore
) -> None:
    store.use_index(IndexChoice("pgvector-hnsw", options))
    assert recall(store) > (0.9 if options else 0.99)
    with closing(reopened(store)) as again:
        assert again.index == IndexChoice("pgvector-hnsw", options)


@pytest.mark.parametrize(
    ("share", "is_small"), [(0.02, True), (0.02, False), (0.1, False), (0.5, False)]
)
def test_a_filter_loses_no_results(
    share: float, is_small: bool, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what it selects is far from the query, so that a graph alone finds none of it."""
    monkeypatch.setattr(server_index, "_SMALL", COUNT if is_small else 0)
    store.use_index(HNSW)
    assert recall(store, {"n": {"lt": int(share * COUNT)}}) > 0.99
    assert recall(store, {"group": 7, "n": {"gte": 100}}) > 0.99


def test_the_graph_is_used(store: PostgresStore) -> None:
    options = PgvectorHnsw(DIM, "cosine")
    store.use_index(HNSW)
    with store._connections.reading(server_index._SETTINGS) as session:
        for condition in ("", "WHERE key = ANY(%(subset)s)"):
            plan = session.rows(
                f"EXPLAIN SELECT key FROM {{s}}.vectors {condition}"
                f" ORDER BY {options.nearness} LIMIT 9",
                {"query": parameter(vectors("cosine")[0]), "subset": store.select()},
            )
            assert "Index Scan using nearest" in str(plan)


@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ("pgvector", "cosine"),
        ("pgvector", "dot"),
        ("pgvector-hnsw", "l2"),
        ("pgvector-hnsw", "dot"),
        ("pgvector-hnsw", "hamming"),
    ],
)
def test_scores_are_those_of_exact_search(
    kind: str, measure: Measure, postgres: Server, caches: object
) -> None:
    rows = vectors(measure)
    with closing(filled(postgres, measure)) as store:
        expected = store.search(rows[:5], 3)
        store.use_index(IndexChoice(kind))
        found = store.search(rows[:5], 3)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
        assert (found.keys[:, 0] == expected.keys[:, 0]).all()


def test_more_than_there_are_gives_all(store: PostgresStore) -> None:
    store.use_index(HNSW)
    assert store.search(vectors("cosine")[:1], 10**20).keys.shape == (1, COUNT)
    assert store.search(vectors("cosine")[:1], 99, None, store.select()[:7]).keys.shape == (1, 7)


def test_another_measure_is_compared_exactly(store: PostgresStore) -> None:
    store.use_index(HNSW)
    found = store.search(vectors("cosine")[:2], 5, "l2")
    with closing(reopened(store, IndexChoice("exact"))) as exact:
        expected = exact.search(vectors("cosine")[:2], 5, "l2")
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_a_graph_goes_with_another_kind(store: PostgresStore, postgres: Server) -> None:
    schema = store._connections.address.name
    graphs = f"SELECT count(*) FROM pg_indexes WHERE schemaname = '{schema}' AND indexdef ~ 'hnsw'"
    store.use_index(HNSW)
    assert postgres.value(graphs) == 1
    store.use_index(IndexChoice("pgvector-hnsw", {"quantization": "bit"}))
    assert postgres.value(graphs) == 1
    store.use_index(IndexChoice("exact"))
    assert postgres.value(graphs) == 0


def test_a_graph_that_does_not_fit_into_memory_is_announced(
    store: PostgresStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_index, "_ELEMENT", 10**6)
    store.use_index(HNSW)
    assert "maintenance_work_mem is 64 MB" in caplog.text
    caplog.clear()
    store.use_index(IndexChoice("pgvector-hnsw", {"maintenance_work_mem": "2GB"}))
    assert not caplog.text


@pytest.mark.parametrize(
    ("dim", "measure", "options", "message"),
    [
        (4001, "cosine", {}, "up to 4,000 dimensions, not 4,001: use -o quantization=bit"),
        (8, "l2", {"quantization": "bit"}, "use halfvec"),
        (8, "cosine", {"quantization": "int8"}, "halfvec or bit"),
        (8, "cosine", {"m": 1}, "m must be from 2 to 100"),
        (8, "cosine", {"ef_search": 2000}, "ef_search"),
        (8, "cosine", {"lists": 7}, "unexpected keyword|does not take these options"),
    ],
)
def test_options_that_cannot_be_are_refused(
    dim: int,
    measure: Measure,
    options: dict[str, object],
    message: str,
    postgres: Server,
    caches: object,
) -> None:
    recipe = Recipe("test", {}, dim, measure)
    with closing(PostgresStore.create(postgres.url(), recipe)) as store:
        with pytest.raises(PluginError, match=message):
            store.use_index(IndexChoice("pgvector-hnsw", options))
        assert store.index == IndexChoice("exact")


def test_large_vectors_have_a_graph_of_bits(postgres: Server, caches: object) -> None:
    rows = np.random.default_rng(1).standard_normal((20, 5000)).astype(np.float32)
    recipe = Recipe("test", {}, 5000, "cosine")
    with closing(PostgresStore.create(postgres.url(), recipe)) as store:
        store.write([Entry(record_of(f"/{n}"), rows[n : n + 1]) for n in range(20)])
        store.use_index(IndexChoice("pgvector-hnsw", {"quantization": "bit"}))
        assert store.search(rows[4:5], 1).keys[0, 0] == record_of("/4").key


def test_what_a_graph_takes_is_estimated() -> None:
    graph = PgvectorHnsw(320, "cosine")
    assert graph.bytes(100_000) > PgvectorHnsw(320, "cosine", quantization="bit").bytes(100_000)
