"""A transaction: SQL with the names of a catalogue's schema filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import psycopg
from psycopg import Copy, Cursor

from imagefinder.stores.postgres.address import quoted
from imagefinder.stores.postgres.arrays import as_parameter
from imagefinder.types import Keys

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Of the places ``%s``, or of ``%(name)s``."""


@dataclass(frozen=True)
class Session:
    """A connection inside one transaction; ``{s}`` is the schema and ``{v}`` that of pgvector.

    No statement depends on a setting of the connection, such as its search path, or is prepared
    by name: PgBouncer may give each transaction another connection.
    """

    connection: psycopg.Connection[Any]
    schema: str
    """Quoted."""
    vector_schema: str
    """Of the extension."""

    def execute(self, sql: str, values: Values = ()) -> Cursor[Any]:
        """Run one statement; results come in binary form."""
        cursor = self.connection.cursor(binary=True)
        if isinstance(values, Mapping):
            given: Values = {name: as_parameter(one) for name, one in values.items()}
        else:
            given = [as_parameter(one) for one in values]
        return cursor.execute(self.fill(sql).encode(), given)

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        """All rows of a query."""
        return self.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None if there is no row."""
        row = self.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def keys(self, sql: str, values: Sequence[Any] = ()) -> Keys:
        """The keys from a query that selects nothing else, ascending."""
        return np.sort(np.fromiter((key for (key,) in self.rows(sql, values)), np.int64))

    def script(self, sql: str) -> None:
        """Run several statements without values."""
        self.connection.execute(self._filled(sql).encode())

    def copy_rows(self, table: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Append rows to a table, given with its columns."""
        with self._copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def copy_in(self, table: str, data: bytes) -> None:
        """Append rows in the binary format of COPY to a table, given with its columns."""
        with self._copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(data)

    def copy_out(self, query: str, values: Sequence[Any] = ()) -> Iterator[bytes]:
        """The rows of a query in the binary format of COPY, in parts."""
        with self._copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", values) as copy:
            for part in copy:
                yield bytes(part)

    def fill(self, sql: str) -> str:
        """The statement with the names of the schemas, for a statement that takes values."""
        return self._filled(sql, "%%")

    @contextmanager
    def _copy(self, statement: str, values: Sequence[Any] = ()) -> Iterator[Copy]:
        text = self.fill(statement) if values else self._filled(statement)
        with self.connection.cursor().copy(text.encode(), values or None) as copy:
            yield copy

    def _filled(self, sql: str, percent: str = "%") -> str:
        names = (self.schema, quoted(self.vector_schema))
        schema, vectors = (name.replace("%", percent) for name in names)
        return sql.replace("{s}", schema).replace("{v}", vectors)
