"""Filters as people write them: on the command line, in Python and in JSON."""

import math
from typing import Any

import numpy as np
import pytest

from imagefinder.filters import conditions, where_from_text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("colour=red", {"colour": {"in": ["red"]}}),
        ("year=2024", {"year": {"in": [2024]}}),
        ("price=9.90", {"price": {"in": [9.9]}}),
        ("sku=00123", {"sku": {"in": ["00123"]}}),
        ('year="2024"', {"year": {"in": ["2024"]}}),
        ("stock=true", {"stock": {"in": [True]}}),
        ("a=null", {"a": {"in": [None, "null"]}}),
        ("a=NaN", {"a": {"in": ["NaN"]}}),
        ("a=1e999", {"a": {"in": ["1e999"]}}),
        ("a=[1]", {"a": {"in": [[1], "[1]"]}}),
        ("a=-Infinity", {"a": {"in": ["-Infinity"]}}),
        ("a=" + "9" * 5000, {"a": {"in": ["9" * 5000]}}),
        ("a=" + "[" * 9999, {"a": {"in": ["[" * 9999]}}),
        ("city=Köln|Bonn", {"city": {"in": ["Köln", "Bonn"]}}),
        ("city = Köln | Bonn ", {"city": {"in": ["Köln", "Bonn"]}}),
        ('city="a|b"', {"city": {"in": ["a|b"]}}),
        ('city="a|b"|c|1', {"city": {"in": ["a|b", "c", 1]}}),
        ("city=|", {"city": {"in": ["", ""]}}),
        ("city=a|", {"city": {"in": ["a", ""]}}),
        ("city=", {"city": {"in": [""]}}),
        ('size "EU"=42', {"size \"EU\"": {"in": [42]}}),
        ('"a=b"=c', {"a=b": {"in": ["c"]}}),
        ('"<" < 1', {"<": {"lt": 1}}),
        ("=1", {"": {"in": [1]}}),
        ("a=b=c", {"a": {"in": ["b=c"]}}),
        ("price<20", {"price": {"lt": 20}}),
        ("price <= 20", {"price": {"lte": 20}}),
        ("price>20", {"price": {"gt": 20}}),
        ("price>=20", {"price": {"gte": 20}}),
        ("date<2024-05-01", {"date": {"lt": "2024-05-01"}}),
        ("a!=b|c", {"a": {"not_in": ["b", "c"]}}),
        ("a\nb=c\nd", {"a\nb": {"in": ["c\nd"]}}),
    ],
)  # fmt: skip
def test_a_condition_of_the_command_line(text: str, where: dict[str, Any]) -> None:
    assert where_from_text([text]) == where
    assert conditions(where)


def test_conditions_about_one_name_are_joined() -> None:
    texts = ["price>=10", "price<20", "price!=15", "price!=16", "room=kitchen"]
    where = {"price": {"gte": 10, "lt": 20, "not_in": [15, 16]}, "room": {"in": ["kitchen"]}}
    assert where_from_text(texts) == where
    shown = ["price>=10", "price<20", "price!=15|16", "room=kitchen"]
    assert list(map(str, conditions(where))) == shown
    assert [conditions(one.as_where()) for one in conditions(where)] == [
        [one] for one in conditions(where)
    ]


@pytest.mark.parametrize(
    "texts", [["a"], [""], ["a=1", "a=2"], ["a<1|2"], ["a<null"], ["a<1", "a<2"]]
)
def test_a_condition_that_is_none_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected NAME=VALUE|twice|one value|a number or a text"):
        conditions(where_from_text(texts))


@pytest.mark.parametrize(
    "where",
    [
        {1: 2},
        {"a": math.nan},
        {"a": math.inf},
        {"a": {"less": 1}},
        {"a": {"w": 1, "h": 2}},
        {"a": {"lt": True}},
        {"a": {"lt": [1]}},
        {"a": {"in": "abc"}},
        {"a": object()},
        {"a": b"bytes"},
        {"a": "\udc80"},
        {"\udc80": 1},
        {"a": [math.nan]},
        {"a": 10**5000},
        {f"n{n}": n for n in range(1000)},
        "a=1",
        [("a", 1)],
    ],
)
def test_a_filter_that_means_nothing_is_refused(where: Any) -> None:
    with pytest.raises(ValueError, match="where: "):
        conditions(where)


def test_numbers_of_other_libraries_are_numbers() -> None:
    (condition,) = conditions({"a": {"in": [np.int64(3), np.float32(0.5), 2.0]}})
    assert condition.values == (3, 0.5, 2)
    assert [type(value) for value in condition.values] == [int, float, int]


def test_a_long_condition_is_shown_in_short() -> None:
    (condition,) = conditions({"a": "x" * 1000})
    assert len(str(condition)) == 80
