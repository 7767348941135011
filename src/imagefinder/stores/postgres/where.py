"""The SQL of selections: images in some folders, with some metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

from imagefinder.filters import Condition, Number, conditions, number_of, unicode_forms
from imagefinder.stores.path_range import path_range
from imagefinder.stores.postgres.records import as_jsonb, without_nul
from imagefinder.stores.postgres.session import Session
from imagefinder.types import Keys

_ORDER = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_MOST_BY_INDEX = 16  # values that are looked up one by one

# a text that is a number as filters.number_of has it, but for spaces around; one that overflows a
# float is none
_NUMBER = r"^\s*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?\s*$"
# a text that is compared as a number by < and >: also "007" and "+1"
_LOOSE = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*$"
_DIGITS = 4000
_LARGEST = "1.7976931348623157e308"

# of an image that several items share, the metadata of one must meet all conditions
_OF_ANY_ITEM = """
    CASE jsonb_typeof(metadata) WHEN 'array' THEN EXISTS (
        SELECT FROM (
            SELECT item -> 'metadata' AS metadata FROM jsonb_array_elements(images.metadata) AS item
        ) AS own WHERE {exact}
    ) ELSE {exact} END
"""

_IN_FOLDERS = """
    SELECT files.key FROM {s}.files
    JOIN unnest(%s::text[], %s::text[], %s::text[]) AS folder (own, start, past)
    ON files.path = folder.own COLLATE "C"
        OR (files.path > folder.start COLLATE "C" AND files.path < folder.past COLLATE "C")
"""


def select_keys(
    session: Session,
    folders: Sequence[str],
    where: Mapping[str, Any] | None,
    after: int,
    limit: int | None,
) -> Keys:
    """See ``Store.select``."""
    values: list[Any] = [after]
    terms = ["key > %s"]
    if wanted := [_Term(condition) for condition in conditions(where)]:
        _add_conditions(wanted, terms, values)
    if folders:
        terms.append(f"key IN ({_IN_FOLDERS})")
        ranges = [path_range(folder) for folder in folders]
        values += [list(folders), [start for start, _ in ranges], [past for _, past in ranges]]
    values.append(limit)
    sql = f"SELECT key FROM {{s}}.images WHERE {' AND '.join(terms)} ORDER BY key LIMIT %s"
    return session.keys(sql, values)


def _add_conditions(wanted: Sequence[_Term], terms: list[str], values: list[Any]) -> None:
    for term in wanted:
        if term.candidates:
            terms.append(term.by_index)
            values += term.candidates
    exact = " AND ".join(term.sql for term in wanted)
    terms.append(_OF_ANY_ITEM.format(exact=exact))
    values += 2 * [value for term in wanted for value in term.values]


@dataclass
class _Term:
    """A condition as SQL about ``metadata``, with its values in order."""

    condition: Condition
    values: list[Any] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    """What metadata contain of which the condition may hold; none if there is too much."""

    @property
    def by_index(self) -> str:
        """SQL about the candidates, for the index on metadata."""
        return f"({' OR '.join('metadata @> %s::jsonb' for _ in self.candidates)})"

    def __post_init__(self) -> None:
        self._names = [without_nul(form) for form in unicode_forms(self.condition.name)]
        operator = self.condition.operator
        if operator in _ORDER:
            self.sql = self._ordered(_ORDER[operator], self.condition.values[0])
        else:
            self.sql = self._any_of(_Wanted.of(self.condition.values))
            if operator == "ne":
                self.sql = f"NOT {self.sql}"

    def _value(self, sql: str, value: Any) -> str:
        self.values.append(value)
        return sql

    def _on_stored(self, sql: str) -> str:
        """SQL about ``v``: the value under the name, or the first of its forms that there is."""
        self.values += self._names
        stored = f"coalesce({', '.join('metadata -> %s::text' for _ in self._names)})"
        return f"(SELECT {sql} FROM (SELECT {stored} AS v) AS one)"

    def _ordered(self, symbol: str, value: Number | str) -> str:
        number = number_of(value) if isinstance(value, str) else value
        cases = []
        if number is not None:
            bound = self._value(f"{symbol} %s::text::numeric", repr(number))
            cases += [
                f"WHEN jsonb_typeof(v) = 'number' THEN v::numeric {bound}",
                f"WHEN {_is_number(_LOOSE)} THEN {_AS_NUMBER} {bound}",
            ]
            self.values.append(repr(number))
        if isinstance(value, str):
            text = self._value(f'{symbol} %s::text COLLATE "C"', without_nul(value))
            cases.append(
                f"WHEN jsonb_typeof(v) = 'string' THEN {_AS_TEXT} <> '' AND {_AS_TEXT} {text}"
            )
        return self._on_stored(f"CASE {' '.join(cases)} ELSE false END")

    def _any_of(self, wanted: _Wanted) -> str:
        structures = [wanted.structures, wanted.structures]
        self.values += [wanted.texts, wanted.typed, wanted.numbers, wanted.words, *structures]
        is_same = "normalize(v::text, NFC)::jsonb = ANY(%s::text[]::jsonb[])"
        exact = self._on_stored(
            "CASE jsonb_typeof(v)"
            f" WHEN 'string' THEN {_AS_TEXT} = ANY(%s::text[]) OR CASE WHEN {_is_number(_NUMBER)}"
            f" THEN {_AS_NUMBER} = ANY(%s::text[]::numeric[]) ELSE false END"
            " WHEN 'number' THEN v::numeric = ANY(%s::text[]::numeric[])"
            " WHEN 'boolean' THEN v::boolean = ANY(%s::boolean[])"
            f" WHEN 'array' THEN {is_same} WHEN 'object' THEN {is_same}"
            f" ELSE {wanted.nothing} END"
        )
        self._look_up(wanted)
        return exact

    def _look_up(self, wanted: _Wanted) -> None:
        """Note the candidates, if the index can find all that the condition selects."""
        if self.condition.operator == "ne" or not wanted.is_contained:
            return
        found = [{name: value} for name in self._names for value in wanted.contained]
        if len(found) <= _MOST_BY_INDEX:
            of_items = [[{"metadata": one}] for one in found]
            self.candidates = [as_jsonb(one) for one in (*found, *of_items)]


_AS_TEXT = "(v #>> '{}') COLLATE \"C\""
_AS_NUMBER = "(v #>> '{}')::numeric"


def _is_number(pattern: str) -> str:
    """Whether ``v`` is a text that can be compared as a number; CASE keeps what overflows out."""
    return (
        f"CASE WHEN jsonb_typeof(v) = 'string' AND length({_AS_TEXT}) <= {_DIGITS}"
        f" AND {_AS_TEXT} ~ '{pattern}'"
        f" THEN abs({_AS_NUMBER}) <= {_LARGEST} OR {_AS_TEXT} !~ '[.eE]' ELSE false END"
    )


@dataclass
class _Wanted:
    """The values of a condition, by the kind of metadata that equal them."""

    texts: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    """Numbers that a text may be."""
    numbers: list[str] = field(default_factory=list)
    words: list[bool] = field(default_factory=list)
    structures: list[str] = field(default_factory=list)
    contained: list[Any] = field(default_factory=list)
    """The same as JSON values."""
    nothing: bool = False
    is_contained: bool = True
    """Whether ``contained`` is all that is wanted: spellings of a number are too many."""

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Wanted:
        """Text equals only the same text, but also the number, true or false that it reads."""
        wanted = cls()
        for value in values:
            if value is None:
                wanted.nothing, wanted.is_contained = True, False
            elif isinstance(value, bool):
                wanted._add_word(value)
                wanted._add_texts(_spellings(value))
            elif isinstance(value, str):
                wanted._add_texts(unicode_forms(value))
                for word in (True, False):
                    if value in _spellings(word):
                        wanted._add_word(word)
                wanted._add_number(number_of(value))
            elif isinstance(value, int | float):
                wanted._add_number(value)
                wanted.typed += _decimals(value)
                wanted.is_contained = False
            else:
                wanted.structures.append(normalize("NFC", as_jsonb(value)))
                wanted.is_contained = False
        return wanted

    def _add_word(self, word: bool) -> None:
        self.words.append(word)
        self.contained.append(word)

    def _add_texts(self, texts: Iterable[str]) -> None:
        stored = [without_nul(text) for text in texts]
        self.texts += stored
        self.contained += stored

    def _add_number(self, number: Number | None) -> None:
        if number is not None:
            self.numbers += _decimals(number)
            self.contained += [json.loads(one) for one in _decimals(number)]


def _decimals(number: Number) -> list[str]:
    """How it is written, and as a float of the same value is: 2**63 as 9.223372036854776e+18."""
    texts = [repr(number)]
    try:
        if float(number) == number:
            texts.append(repr(float(number)))
    except OverflowError:
        pass
    return list(dict.fromkeys(texts))


def _spellings(word: bool) -> list[str]:
    text = str(word)
    return [text, text.lower(), text.upper()]
