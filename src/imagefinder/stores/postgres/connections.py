"""Connection pool for one database, with transactions that are tried again where that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock, Semaphore
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import psycopg

from imagefinder.errors import CatalogueDamaged, StoreError
from imagefinder.stores.postgres.address import Address
from imagefinder.stores.postgres.failures import Conflict, LostConnection, translated
from imagefinder.stores.postgres.session import Session

Result = TypeVar("Result")

Settings: TypeAlias = Mapping[str, str | int]
NO_SETTINGS: Settings = MappingProxyType({})

MOST = 16
"""Connections of one program to one catalogue; a server has 100 for all."""

_DELAYS = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 4.0)  # s: a server that restarts is back by then
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# before the snapshot is taken: a snapshot does not keep a table from being renamed
_LOCK = "LOCK TABLE {}.vectors IN ACCESS SHARE MODE"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"


class Connections:
    """Opened on demand, reused, and closed together.

    Only one transaction writes to a catalogue at a time: each locks the row of the table ``state``
    first, as the triggers of all others do that change the images.
    """

    def __init__(self, address: Address, read_only: bool = False) -> None:
        """Nothing is opened yet."""
        self.address = address
        self._read_only = read_only
        self.vector_schema = ""
        self.locks_vectors = False
        """Whether what is read are vectors, which must not be exchanged for others meanwhile."""
        self._free: list[psycopg.Connection[Any]] = []
        self._guard, self._places = Lock(), Semaphore(MOST)
        self._closed = False

    def read(self, use: Callable[[Session], Result], settings: Settings = NO_SETTINGS) -> Result:
        """What ``use`` reads in one snapshot; tried again if the connection is lost.

        ``settings`` of the server hold in it alone.
        """

        def once() -> Result:
            with self.reading(settings) as session:
                return use(session)

        return self.retrying(once)

    def write(self, use: Callable[[Session], Result]) -> Result:
        """What ``use`` returns, once what it writes is committed: exactly once.

        It is tried again if the connection is lost, or another transaction was in the way.
        """

        def once() -> Result:
            with self.connected() as connection:
                session = self._session(connection)
                number = self._begin_write(session)
                with self._rolled_back(connection):
                    result = use(session)
                try:
                    connection.execute("COMMIT")
                except psycopg.Error as error:
                    if not self._was_committed(number, error):
                        raise
                return result

        return self.retrying(once)

    def look_up(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        """The value that a single statement selects, in one round trip."""

        def once() -> Any:
            with self.connected() as connection:
                return self._session(connection).value(sql, values)

        return self.retrying(once)

    @contextmanager
    def reading(self, settings: Settings = NO_SETTINGS) -> Iterator[Session]:
        """One consistent snapshot."""
        local = [f"SET LOCAL {name} = '{value}'" for name, value in settings.items()]
        if self.locks_vectors:
            local.append(_LOCK.format(self.address.schema))
        with self.connected() as connection:
            connection.execute("; ".join((_READ, *local)).encode())  # in one round trip
            with self._rolled_back(connection):
                yield self._session(connection)
            connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, beside which no other writes; rolled back if anything is raised."""
        with self.connected() as connection:
            session = self._session(connection)
            self._begin_write(session)
            with self._rolled_back(connection):
                yield session
            connection.execute("COMMIT")

    @contextmanager
    def creating(self) -> Iterator[Session]:
        """One transaction that writes, without the lock of a catalogue that may not be there."""
        with self.connected() as connection:
            connection.execute(_WRITE)
            with self._rolled_back(connection):
                yield self._session(connection)
            connection.execute("COMMIT")

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection outside of any transaction. Raises StoreError for the database's errors."""
        with self._places:
            connection = self._take()
            try:
                with self.translate_errors():
                    yield connection
            except LostConnection:
                self._discard_free()
                connection.close()
                raise
            finally:
                self._give_back(connection)

    def retrying(self, once: Callable[[], Result]) -> Result:
        """The result of ``once``, which undoes what it did where it fails."""
        for delay in _DELAYS:
            if delay:
                time.sleep(delay)
            try:
                return once()
            except (LostConnection, Conflict):
                self._check_open()
        return once()

    def close(self) -> None:
        """Close all connections; one in use is closed when its transaction ends."""
        self._closed = True
        self._discard_free()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise StoreError for psycopg's errors."""
        try:
            yield
        except psycopg.Error as error:
            raise translated(error, self.address) from error

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Raise CatalogueDamaged where the content is invalid."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise CatalogueDamaged(
                f"{self.address.shown} is damaged ({error}): restore a backup of the database"
            ) from error

    def _session(self, connection: psycopg.Connection[Any]) -> Session:
        return Session(connection, self.address.schema, self.vector_schema)

    def _begin_write(self, session: Session) -> str:
        """The number of the transaction, by which its outcome can be learned."""
        if self._read_only:
            raise StoreError(f"{self.address.shown} was opened to be read alone")
        session.connection.execute(_WRITE)
        with self._rolled_back(session.connection):
            locked = "SELECT pg_current_xact_id()::text FROM {s}.state FOR UPDATE"
            return str(session.value(locked))

    @contextmanager
    def _rolled_back(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise

    def _was_committed(self, number: str, error: psycopg.Error) -> bool:
        """Whether a transaction was, although the connection was lost before the answer."""
        if not isinstance(translated(error, self.address), LostConnection):
            return False
        self._discard_free()
        for delay in _DELAYS:
            time.sleep(delay)
            with suppress(StoreError):
                status = self._status(number)
                if status != "in progress":
                    return status == "committed"
        raise error

    def _status(self, number: str) -> object:
        with self.translate_errors(), self._connect() as connection:
            row = connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
            return row and row[0]

    def _take(self) -> psycopg.Connection[Any]:
        self._check_open()
        with self._guard:
            connection = self._free.pop() if self._free else None
        if connection is not None:
            return connection
        with self.translate_errors():
            return self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.address.conninfo,
            autocommit=True,
            prepare_threshold=None,  # PgBouncer gives the next transaction another connection
        )

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        with self._guard:
            if not self._closed and connection.info.transaction_status == idle:
                self._free.append(connection)
                return
        connection.close()

    def _discard_free(self) -> None:
        with self._guard:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.address.shown} is closed: open it again")
