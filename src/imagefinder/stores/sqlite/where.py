"""The SQL of selections: images in some folders, with some metadata.

SQLite compares a text with ``CAST(… AS NUMERIC)`` as a number if it is one, and the text sorts
after all numbers if it is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from imagefinder.filters import Condition, Number, conditions, is_same, number_of, unicode_forms
from imagefinder.stores.path_range import path_range
from imagefinder.stores.sqlite.records import keys_of
from imagefinder.types import Keys

_INTEGERS = range(-(2**63), 2**63)
"""What SQLite has; larger ones become floats, so they are compared digit by digit."""
_ORDER = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_NUMERIC = "CAST({} AS NUMERIC)"
_INFINITY = _NUMERIC.format("'9e999'")

# of an image that several items share, the metadata of one must meet all conditions
_OF_ANY_ITEM = """
    CASE WHEN metadata GLOB '[[]*' THEN EXISTS (
        SELECT 1 FROM (SELECT value -> '$.metadata' AS metadata FROM json_each(images.metadata))
        WHERE {terms}
    ) ELSE {terms} END
"""

# one parameter however many folders: an expression of them all would be too deep for SQLite
_IN_FOLDERS = """
    SELECT files.key FROM json_each(:folders) AS folder CROSS JOIN files
    WHERE files.path = folder.value ->> 0
        OR (files.path > folder.value ->> 1 AND files.path < folder.value ->> 2)
"""


def select_keys(
    connection: apsw.Connection,
    folders: Sequence[str],
    where: Mapping[str, Any] | None,
    after: int,
    limit: int | None,
) -> Keys:
    """See ``Store.select``."""
    values: dict[str, Any] = {"after": after, "limit": -1 if limit is None else limit}
    terms, wanted = ["key > :after"], []
    for number, condition in enumerate(conditions(where)):
        term = _Term(condition, str(number))
        wanted.append(term.sql)
        values |= term.values
        if term.structures:
            connection.create_scalar_function("is_any_of", _is_any_of, 2, deterministic=True)
    if wanted:
        terms.append(_OF_ANY_ITEM.format(terms=_all_of(wanted)))
    if folders:
        terms.append(f"key IN ({_IN_FOLDERS})")
        ranges = [(folder, *path_range(folder)) for folder in folders]
        values["folders"] = json.dumps(ranges)
    sql = f"SELECT key FROM images WHERE {' AND '.join(terms)} ORDER BY key LIMIT :limit"
    return keys_of(connection.execute(sql, values))


def _all_of(terms: Sequence[str]) -> str:
    """A balanced tree: SQLite refuses one that is too deep."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_all_of(terms[:half])} AND {_all_of(terms[half:])})"


@dataclass
class _Term:
    """A condition as SQL about ``metadata``; its parameters end with ``suffix``."""

    condition: Condition
    suffix: str
    values: dict[str, str] = field(default_factory=dict)
    structures: list[Any] = field(default_factory=list)
    """Lists and objects, which Python compares."""

    def __post_init__(self) -> None:
        forms = unicode_forms(self.condition.name)
        paths = [self._bind(f"path{n}", f"$.{json.dumps(form)}") for n, form in enumerate(forms)]
        self._type = _first(f"json_type(metadata, {path})" for path in paths)
        self._value = _first(f"json_extract(metadata, {path})" for path in paths)
        self._json = _first(f"metadata -> {path}" for path in paths)
        operator = self.condition.operator
        if operator in _ORDER:
            self.sql = self._ordered(_ORDER[operator], self.condition.values[0])
        else:
            self.sql = f"{'NOT ' if operator == 'ne' else ''}{self._any_of(self.condition.values)}"

    def _bind(self, name: str, value: str) -> str:
        self.values[f"{name}_{self.suffix}"] = value
        return f":{name}_{self.suffix}"

    def _ordered(self, symbol: str, value: Number | str) -> str:
        kind, stored = self._type, self._value
        number = number_of(value) if isinstance(value, str) else value
        cases = []
        if number is not None:
            bound = _NUMERIC.format(self._bind("number", repr(number)))
            # "1e999" is no number, though it is cast to infinity as an integer of 400 digits is
            too_large = (
                f"{kind} = 'text' AND {stored} GLOB '*[.eE]*'"
                f" AND abs({_NUMERIC.format(stored)}) = {_INFINITY}"
            )
            cases.append(
                f"WHEN {kind} IN ('integer', 'real', 'text') AND {stored} <= {_INFINITY}"
                f" AND NOT ({too_large}) THEN {stored} {symbol} {bound}"
            )
        if isinstance(value, str):
            text = self._bind("text", value)
            cases.append(f"WHEN {kind} = 'text' THEN {stored} <> '' AND {stored} {symbol} {text}")
        return f"CASE {' '.join(cases)} ELSE 0 END"

    def _any_of(self, values: Sequence[Any]) -> str:
        wanted = _Wanted.of(values)
        self.structures = wanted.structures
        stored = self._value
        # "00123" is a code, not a number
        as_number = (
            f"{stored} NOT GLOB '0[0-9]*' AND {stored} NOT GLOB '-0[0-9]*'"
            f" AND {stored} NOT GLOB '+*' AND {self._among(stored, 'typed', wanted.typed, True)}"
        )
        numbers = self._among(stored, "numbers", wanted.numbers, True)
        structures = (
            f"is_any_of({self._json}, {self._bind('structures', json.dumps(wanted.structures))})"
            if wanted.structures
            else "0"
        )
        return (
            f"CASE {self._type}"
            f" WHEN 'text' THEN {self._among(stored, 'texts', wanted.texts)} OR ({as_number})"
            f" WHEN 'integer' THEN {self._among(self._json, 'digits', wanted.digits)} OR {numbers}"
            f" WHEN 'real' THEN {self._among(stored, 'reals', wanted.reals, True)} OR {numbers}"
            f" WHEN 'true' THEN {int(True in wanted.words)}"
            f" WHEN 'false' THEN {int(False in wanted.words)}"
            f" WHEN 'array' THEN {structures} WHEN 'object' THEN {structures}"
            f" ELSE {int(None in wanted.words)} END"
        )

    def _among(self, what: str, name: str, values: Sequence[str], numeric: bool = False) -> str:
        if not values:
            return "0"
        value = _NUMERIC.format("value") if numeric else "value"
        listed = self._bind(name, json.dumps(values))
        return f"{what} IN (SELECT {value} FROM json_each({listed}))"


@dataclass
class _Wanted:
    """The values of a condition, by the kind of metadata that equal them."""

    texts: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    """Numbers that a text may be."""
    numbers: list[str] = field(default_factory=list)
    digits: list[str] = field(default_factory=list)
    """Integers beyond SQLite's."""
    reals: list[str] = field(default_factory=list)
    """Those that floats represent."""
    words: list[bool | None] = field(default_factory=list)
    structures: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Wanted:
        """Text equals only the same text, but also the number, true or false that it reads."""
        wanted = cls()
        for value in values:
            if value is None or isinstance(value, bool):
                wanted.words.append(value)
                wanted.texts += [] if value is None else _spellings(value)
            elif isinstance(value, str):
                wanted.texts += unicode_forms(value)
                wanted.words += [word for word in (True, False) if value in _spellings(word)]
                wanted._add_number(number_of(value), typed=False)
            elif isinstance(value, int | float):
                wanted._add_number(value, typed=True)
            else:
                wanted.structures.append(value)
        return wanted

    def _add_number(self, number: Number | None, typed: bool) -> None:
        if number is None:
            return
        if isinstance(number, int) and number not in _INTEGERS:
            self.digits.append(str(number))
            self.texts += [str(number)] if typed else []
            self.reals += [repr(float(number))] if _is_float(number) else []
        else:
            self.numbers.append(repr(number))
            self.typed += [repr(number)] if typed else []


def _is_float(number: int) -> bool:
    try:
        return float(number) == number
    except OverflowError:
        return False


def _spellings(word: bool) -> list[str]:
    text = str(word)
    return [text, text.lower(), text.upper()]


def _first(expressions: Iterable[str]) -> str:
    """The first that is not null."""
    every = list(expressions)
    return every[0] if len(every) == 1 else f"coalesce({', '.join(every)})"


def _is_any_of(*texts: Any) -> bool:
    stored, wanted = texts
    try:
        return any(is_same(json.loads(stored), one) for one in json.loads(wanted))
    except RecursionError:
        return False
