"""What a metadata filter selects: typed and as text, in every store."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from unicodedata import normalize

import apsw
import pyarrow as pa
import pytest

from imagefinder.filters import conditions
from imagefinder.stores.lance import where as in_dataset
from imagefinder.stores.lance.metadata import columns_of
from imagefinder.stores.postgres import records
from imagefinder.stores.postgres import where as in_database
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.stores.sqlite import where as in_file
from imagefinder.types import Recipe

from ..postgres_server import Server

Select = Callable[..., list[Any]]
SelectKeys = Callable[[list[str], dict[str, Any]], list[int]]
"""Which of some metadata, as JSON, a filter selects."""
_BIG = 2**63 + 1
_COMPOSED, _DECOMPOSED = normalize("NFC", "Köln"), normalize("NFD", "Köln")


@pytest.fixture(scope="module", params=["sqlite", "postgres", "lance"])
def select_keys(request: pytest.FixtureRequest) -> Iterator[SelectKeys]:
    makers = {"sqlite": from_file, "postgres": from_database, "lance": from_dataset}
    yield from makers[request.param](request)


def from_file(_: pytest.FixtureRequest) -> Iterator[SelectKeys]:
    with apsw.Connection(":memory:") as connection:
        connection.execute("CREATE TABLE images (key INTEGER PRIMARY KEY, metadata TEXT)")

        def select(stored: list[str], where: dict[str, Any]) -> list[int]:
            connection.execute("DELETE FROM images")
            connection.executemany("INSERT INTO images VALUES (?, ?)", enumerate(stored))
            found: list[int] = in_file.select_keys(connection, (), where, -1, None).tolist()
            return found

        yield select


def from_database(request: pytest.FixtureRequest) -> Iterator[SelectKeys]:
    server: Server = request.getfixturevalue("postgres")
    with closing(PostgresStore.create(server.url(), Recipe("test", {}, 8, "cosine"))) as store:

        def select(stored: list[str], where: dict[str, Any]) -> list[int]:
            with store._connections.writing() as session:
                session.execute("DELETE FROM {s}.images")
                for key, text in enumerate(stored):
                    session.execute(
                        "INSERT INTO {s}.images VALUES (%s, '', 0, 0, 0, %s::jsonb, %s, true, 0)",
                        (key, records.for_filters(text), text),
                    )
                found = in_database.select_keys(session, (), where, -1, None)
                keys: list[int] = found.tolist()
                return keys

        yield select


def from_dataset(_: pytest.FixtureRequest) -> Iterator[SelectKeys]:
    def select(stored: list[str], where: dict[str, Any]) -> list[int]:
        texts = pa.chunked_array([stored], pa.string())
        wanted = conditions(where)
        if not wanted:
            return list(range(len(stored)))
        _, columns = columns_of(texts, [one.name for one in wanted])
        found: list[int] = in_dataset.matching(columns, wanted).nonzero()[0].tolist()
        return found

    yield select


@pytest.fixture(name="select")
def select_fixture(select_keys: SelectKeys) -> Select:
    """Which of some metadata under ``name`` a condition selects; ``...`` is none at all."""

    def select(stored: list[Any], value: Any, name: str = "a") -> list[Any]:
        texts = [
            json.dumps({} if one is ... else {name: one}, ensure_ascii=False) for one in stored
        ]
        return [stored[key] for key in select_keys(texts, {name: value})]

    return select


YEARS = [2024, 2024.0, "2024", "2024.0", "2023", 2023, "a 2024", True, None, ..., [2024], "02024"]


@pytest.mark.parametrize(
    ("stored", "value", "found"),
    [
        (YEARS, 2024, [2024, 2024.0, "2024", "2024.0"]),
        (YEARS, 2024.0, [2024, 2024.0, "2024", "2024.0"]),
        (YEARS, "2024", [2024, 2024.0, "2024"]),
        (YEARS, "02024", ["02024"]),
        (["9.90", 9.9, "9.9", " 9.9 ", "9.91"], 9.9, ["9.90", 9.9, "9.9", " 9.9 "]),
        (["9.90", 9.9, "9.9"], "9.90", ["9.90", 9.9]),
        (["00123", "123", 123, "+123", "-0123"], 123, ["123", 123]),
        (["00123", "123", 123], "00123", ["00123"]),
        (["-0123", -123], -123, [-123]),
        ([True, 1, "true", "TRUE", "1", "yes", False], True, [True, "true", "TRUE"]),
        ([True, "true", "TRUE"], "true", [True, "true"]),
        ([False, 0, "false", None, ...], False, [False, "false"]),
        ([True, 1, 1.0, "1"], 1, [1, 1.0, "1"]),
        ([0, -0.0, "0", "-0", False, None, ""], 0, [0, -0.0, "0", "-0"]),
        ([None, ..., "null", "", 0, False], None, [None, ...]),
        ([None, "null"], "null", ["null"]),
        ([_BIG, _BIG + 1, _BIG - 1, str(_BIG), float(_BIG)], _BIG, [_BIG, str(_BIG)]),
        ([_BIG, _BIG + 1, str(_BIG)], str(_BIG), [_BIG, str(_BIG)]),
        ([2**63 - 1, 2**63, float(2**63)], 2**63 - 1, [2**63 - 1]),
        ([2**63 - 1, 2**63, float(2**63)], 2**63, [2**63, float(2**63)]),
        ([2**63 - 1, 2**63, float(2**63)], float(2**63), [2**63, float(2**63)]),
        ([-(2**63), -(2**63) - 1], -(2**63) - 1, [-(2**63) - 1]),
        ([10**400, 10**400 + 1, "1e400"], 10**400, [10**400]),
        ([2**53 + 1, 2**53, str(2**53 + 1)], 2**53 + 1, [2**53 + 1, str(2**53 + 1)]),
        ([_COMPOSED, _DECOMPOSED, "Koln"], _COMPOSED, [_COMPOSED, _DECOMPOSED]),
        ([_COMPOSED, _DECOMPOSED, "Koln"], _DECOMPOSED, [_COMPOSED, _DECOMPOSED]),
        (["x", "X", "x ", "'; DROP TABLE images; --"], "x", ["x"]),
        (["a\0b", "a", 'a"b', "a\\b"], "a\0b", ["a\0b"]),
        (["1e3", 1000, "1000", "1e999"], 1000, ["1e3", 1000, "1000"]),
        (["inf", "nan", "0x10", "1_6", 16, "١٦"], 16, [16]),
        ([[1, 2], [2, 1], [1, 2.0], [True, 2], "[1, 2]"], [1, 2], [[1, 2], [1, 2.0]]),
        ([{"w": 1, "h": 2}, {"h": 2, "w": 1}, {"w": 1}], {"eq": {"w": 1, "h": 2}},
         [{"w": 1, "h": 2}, {"h": 2, "w": 1}]),
        ([[], {}, None, "", ...], [], [[]]),
    ],
)  # fmt: skip
def test_equal(select: Select, stored: list[Any], value: Any, found: list[Any]) -> None:
    chosen = select(stored, value)
    assert [(type(one), one) for one in chosen] == [(type(one), one) for one in found]
    if not isinstance(value, dict):
        others = select(stored, {"ne": value})
        assert len(others) + len(chosen) == len(stored), "!= selects all that = does not"


HUGE = ["1e999", "-1e999", 5, 10**400, -(10**400), f"{10**400}"]
PRICES = ["9", "9.90", 10, "10", "100", 20.5, "n/a", "-", "", " ", None, ..., True, [1], "007"]


@pytest.mark.parametrize(
    ("stored", "value", "found"),
    [
        (PRICES, {"lt": 20}, ["9", "9.90", 10, "10", "007"]),
        (PRICES, {"lt": "20"}, ["9", "9.90", 10, "10", "-", " ", "007"]),
        (PRICES, {"lte": 10}, ["9", "9.90", 10, "10", "007"]),
        (PRICES, {"gt": 10}, ["100", 20.5]),
        (PRICES, {"gte": 10, "lt": 100}, [10, "10", 20.5]),
        (PRICES, {"gt": -1}, ["9", "9.90", 10, "10", "100", 20.5, "007"]),
        (["2023-12-31", "2024-01-01", "2024-05-01T10:00", 2024, "", "x"], {"lt": "2024-02-30"},
         ["2023-12-31", "2024-01-01"]),
        (["2023-12-31", "2024-01-01", 2023], {"lt": "2024"}, ["2023-12-31", 2023]),
        (["b", "a", 1, "B"], {"gte": "a"}, ["b", "a"]),
        (HUGE, {"gt": 1}, [5, 10**400, f"{10**400}"]),
        (HUGE, {"lt": 1}, [-(10**400)]),
        (HUGE, {"gte": f"{10**400}"}, ["1e999", 10**400, f"{10**400}"]),
        (HUGE, {"lt": "2"}, ["1e999", "-1e999", -(10**400)]),
        ([1, 2, "3", "x"], {"in": [1, "3", "x"]}, [1, "3", "x"]),
        ([1, 2, "3", "x", ...], {"not_in": [1, 3]}, [2, "x", ...]),
        ([1, 2, None, ...], {"ne": None}, [1, 2]),
        ([1, 2], {"in": []}, []),
        ([1, 2], {"not_in": []}, [1, 2]),
        ([1, 2], {}, [1, 2]),
        (list(range(3)), {"in": list(range(2, 50_000))}, [2]),
    ],
)  # fmt: skip
def test_operators(select: Select, stored: list[Any], value: Any, found: list[Any]) -> None:
    chosen = select(stored, value)
    assert [(type(one), one) for one in chosen] == [(type(one), one) for one in found]


@pytest.mark.parametrize(
    "name",
    ["größe", 'a"b', "a\\b", "a.b", "$", "a[0]", "", " ", "a\nb", "\u2028", "#", "日本", "a'b",
     "\x01", "a\0b", "a=b", "[#-1]", "\\u0041", '"', "in", "eq"],
)  # fmt: skip
def test_any_name(select: Select, name: str) -> None:
    assert select(["v", "w", ...], "v", name) == ["v"]
    assert select(["v", "w", ...], {"ne": None}, name) == ["v", "w"]


def test_a_name_composed_or_not_is_the_same(select_keys: SelectKeys) -> None:
    stored = [json.dumps({name: 1}) for name in (_COMPOSED, _DECOMPOSED)]
    for name in (_COMPOSED, _DECOMPOSED):
        assert select_keys(stored, {name: 1}) == [0, 1]
        assert not select_keys(stored, {name: None})


def test_many_conditions(select_keys: SelectKeys) -> None:
    metadata = {f"n{n}": str(n) for n in range(500)}
    assert select_keys([json.dumps(metadata)], {f"n{n}": n for n in range(500)}) == [0]
