"""Metadata filters: the conditions that ``where`` states, from Python, JSON or the command line.

A condition compares the metadata of one name, typed and as text: 2024 equals 2024.0 and the text
"2024", as a CSV file brings it. Only text that is written as a number is one; "00123" is not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, get_args
from unicodedata import normalize

Operator: TypeAlias = Literal["eq", "ne", "lt", "lte", "gt", "gte"]
"""``ne`` is whatever ``eq`` is not: images without that metadata too."""
Number: TypeAlias = int | float

_LISTS: Mapping[str, Operator] = {"in": "eq", "not_in": "ne"}
_NAMES = (*get_args(Operator), *_LISTS)
_SYMBOLS: Mapping[str, Operator] = {
    "=": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "lte",
    ">": "gt",
    ">=": "gte",
}
_SYMBOL_OF = {operator: symbol for symbol, operator in _SYMBOLS.items()}
_TEXT = re.compile(r"(.*?)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_ALTERNATIVE = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^|]*?)\s*(?:\||$)', re.DOTALL)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DIGITS = 4000  # of an integer that Python converts
_TOO_LONG = 10**_DIGITS
_MOST = 500  # conditions: an expression of many more is too deep for SQLite
_SHOWN = 80  # characters of a condition in a message


@dataclass(frozen=True)
class Condition:
    """What the metadata of one name must be."""

    name: str
    operator: Operator
    values: tuple[Any, ...]
    """Any of them for ``eq``, none for ``ne``; the others have one, a number or a text."""

    def as_where(self) -> dict[str, Any]:
        """As a filter of its own."""
        lists = {operator: name for name, operator in _LISTS.items()}
        if self.operator in lists:
            return {self.name: {lists[self.operator]: list(self.values)}}
        return {self.name: {self.operator: self.values[0]}}

    def __str__(self) -> str:
        """As the command line writes it, truncated."""
        shown = "|".join(dict.fromkeys(map(_shown, self.values)))
        text = f"{self.name}{_SYMBOL_OF[self.operator]}{shown}"
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def conditions(where: Mapping[str, Any] | None) -> list[Condition]:
    """The conditions of a filter, all of which must hold. Raises ValueError.

    A value is what the metadata must equal, or a mapping of operators such as
    ``{"gte": 10, "lt": 20}``; ``None`` equals metadata that are not there.
    """
    found: list[Condition] = []
    if not isinstance(where, Mapping | None):
        raise ValueError(f"where: expected names and values, as in {{'a': 1}}, not {where!r}")
    for name, value in (where or {}).items():
        if not isinstance(name, str):
            raise ValueError(f"where: a name must be text, not {name!r}")
        _check_encodable(name, name)
        operators = value if isinstance(value, Mapping) else {"eq": value}
        found += [_condition(name, operator, given) for operator, given in operators.items()]
    if len(found) > _MOST:
        raise ValueError(f"where: at most {_MOST} conditions; for any of many values use 'in'")
    return found


def where_from_text(texts: Iterable[str]) -> dict[str, Any]:
    """A filter from conditions such as ``price<20`` and ``city=Köln|Bonn``. Raises ValueError."""
    where: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, operator, values = _parts(text)
        stated = where.setdefault(name, {})
        if operator == "eq":
            _check_new("in", stated, name)
            stated["in"] = values
        elif operator == "ne":
            stated["not_in"] = [*stated.get("not_in", ()), *values]
        elif len(values) != 1:
            raise ValueError(f"{text!r}: give one value to compare with")
        else:
            _check_new(operator, stated, name)
            stated[operator] = values[0]
    return where


def number_of(text: str) -> Number | None:
    """The number that a text is: "9.90" is 9.9, but "00123", "+49" and "1e999" are none."""
    found = _NUMBER.fullmatch(text)
    if not found or len(text) > _DIGITS:
        return None
    return finite_float(text) if found[2] or found[3] else int(text)


def finite_float(text: str) -> float | None:
    """Unless it is too large for one."""
    number = float(text)
    return number if math.isfinite(number) else None


def unicode_forms(text: str) -> list[str]:
    """The text, composed and decomposed: file systems and programs differ in what they write."""
    if text.isascii():
        return [text]
    return list(dict.fromkeys([text, normalize("NFC", text), normalize("NFD", text)]))


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: true is not 1, and the order of names is all the same."""
    try:
        return bool(_comparable(one) == _comparable(other))
    except RecursionError:
        return False


def _condition(name: str, operator: Any, given: Any) -> Condition:
    if operator not in _NAMES:
        raise ValueError(
            f"where: {name!r} has no operator {operator!r}: use {', '.join(_NAMES)}; "
            'to compare with an object, write {"eq": {…}}'
        )
    if operator in _LISTS:
        if not isinstance(given, list | tuple | set | frozenset):
            raise ValueError(f"where: {operator!r} of {name!r} needs a list of values")
        return Condition(name, _LISTS[operator], tuple(_value(name, one) for one in given))
    value = _value(name, given)
    is_ordered = isinstance(value, int | float | str) and not isinstance(value, bool)
    if operator not in ("eq", "ne") and not is_ordered:
        raise ValueError(f"where: {operator!r} of {name!r} needs a number or a text")
    return Condition(name, operator, (value,))


def _value(name: str, given: Any) -> Any:
    """As JSON would have it. Raises ValueError for what JSON does not have."""
    if given is None or isinstance(given, bool | str):
        _check_encodable(name, given)
        return given
    if isinstance(given, Integral):
        return _integer(name, int(given))
    if isinstance(given, Real):
        number = float(given)
        if not math.isfinite(number):
            raise ValueError(f"where: the value of {name!r} is not a finite number")
        return int(number) if number.is_integer() else number
    try:
        value = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"where: the value of {name!r} must be what JSON has: text, a number, true, false, "
            "null, a list or an object"
        ) from error
    _check_encodable(name, value)
    return value


def _integer(name: str, number: int) -> int:
    if abs(number) >= _TOO_LONG:
        raise ValueError(f"where: the value of {name!r} has more than {_DIGITS} digits")
    return number


def _check_encodable(name: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"where: {name!r}: the text is not valid Unicode") from error


def _parts(text: str) -> tuple[str, Operator, list[Any]]:
    name, rest = _quoted_name(text) or ("", text)
    found = _TEXT.fullmatch(rest)
    if not found:
        raise ValueError(f"expected NAME=VALUE, or <, <=, >, >= or != in its place, not {text!r}")
    before, symbol, value = found.groups()
    return name or before.strip(), _SYMBOLS[symbol], _alternatives(value.strip())


def _quoted_name(text: str) -> tuple[str, str] | None:
    """A name in double quotes, which may contain operators, and the rest."""
    try:
        name, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    rest = text[end:].lstrip()
    return (name, rest) if isinstance(name, str) and rest.startswith(tuple("!<>=")) else None


def _alternatives(text: str) -> list[Any]:
    """Values separated by bars, unless the whole is one JSON value."""
    whole = _json_or_text(text)
    if "|" not in text or whole != text:
        parts = [text]
    else:
        parts = [one[1] for one in _ALTERNATIVE.finditer(text) if one.start() < len(text)]
        parts += [""] if text.endswith("|") else []
    return [value for part in parts for value in _meanings(part)]


def _meanings(text: str) -> list[Any]:
    """A value, and the same as text where that is something else: ``null`` may be a word."""
    value = _json_or_text(text)
    return [value] if isinstance(value, bool | int | float | str) else [value, text]


def _json_or_text(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, allow_nan=False)  # 1e999 is read as infinity
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _check_new(operator: str, stated: Mapping[str, Any], name: str) -> None:
    if operator in stated:
        raise ValueError(
            f"{name!r} is compared twice in one way: for any of several, {name}=ONE|TWO"
        )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, str):
        return normalize("NFC", value)
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, dict):
        return {normalize("NFC", name): _comparable(one) for name, one in value.items()}
    return value
