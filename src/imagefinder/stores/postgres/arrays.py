"""Arrays as parameters of statements, in binary form: psycopg's own are made item by item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from imagefinder.types import Features

_BIGINT, _TEXT, _REAL = 20, 25, 700  # oids
_ITEM = np.dtype([("length", ">i4"), ("value", ">i8")])
_REAL_ITEM = np.dtype([("length", ">i4"), ("value", ">f4")])


@dataclass(frozen=True)
class Bigints:
    """``bigint[]``, as PostgreSQL receives it."""

    data: bytes

    @classmethod
    def of(cls, values: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Bigints:
        """Of Python's integers or NumPy's."""
        items = np.empty(len(values), _ITEM)
        items["length"], items["value"] = 8, values
        return cls(_header(len(values), _BIGINT) + items.tobytes())


@dataclass(frozen=True)
class Reals:
    """``real[]``, as PostgreSQL receives it; pgvector makes a vector of it."""

    data: bytes

    @classmethod
    def of(cls, values: Features) -> Reals:
        """Of one vector."""
        items = np.empty(len(values), _REAL_ITEM)
        items["length"], items["value"] = 4, values
        return cls(_header(len(values), _REAL) + items.tobytes())


@dataclass(frozen=True)
class Texts:
    """``text[]``, as PostgreSQL receives it."""

    data: bytes

    @classmethod
    def of(cls, values: Iterable[str]) -> Texts:
        """Of texts."""
        encoded = [value.encode() for value in values]
        items = [part for one in encoded for part in (len(one).to_bytes(4, "big"), one)]
        return cls(_header(len(encoded), _TEXT) + b"".join(items))


def as_parameter(value: object) -> object:
    """Lists of integers and of texts, and arrays of keys, in binary form; all else as it is."""
    if isinstance(value, np.ndarray):
        return Bigints.of(value)
    if isinstance(value, list) and value:
        if type(value[0]) is int:
            return Bigints.of(value)
        if isinstance(value[0], str):
            return Texts.of(value)
    return value


def _header(count: int, oid: int) -> bytes:
    """One dimension that begins at 1, or none."""
    return pack(">iiIii", 1, 0, oid, count, 1) if count else pack(">iiI", 0, 0, oid)


class _BigintsDumper(Dumper):
    format = Format.BINARY
    oid = 1016

    def dump(self, obj: Bigints) -> bytes:
        return obj.data


class _RealsDumper(Dumper):
    format = Format.BINARY
    oid = 1021

    def dump(self, obj: Reals) -> bytes:
        return obj.data


class _TextsDumper(Dumper):
    format = Format.BINARY
    oid = 1009

    def dump(self, obj: Texts) -> bytes:
        return obj.data


psycopg.adapters.register_dumper(Bigints, _BigintsDumper)
psycopg.adapters.register_dumper(Reals, _RealsDumper)
psycopg.adapters.register_dumper(Texts, _TextsDumper)
