"""What goes wrong with a database, in words that say what to do."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors as pg

from imagefinder.errors import CatalogueDamaged, CatalogueMissing, DiskFull, StoreError
from imagefinder.stores.postgres.address import Address


class LostConnection(StoreError):
    """The connection broke off, or the server is restarting: what was begun is undone."""


class Conflict(StoreError):
    """Another transaction was in the way: the same may be tried again."""


_LOST = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.IdleInTransactionSessionTimeout,
)
_CONFLICTS = (pg.SerializationFailure, pg.DeadlockDetected)
_MISSING = (pg.InvalidSchemaName, pg.UndefinedTable, pg.UndefinedColumn)
_DAMAGES = (pg.DataCorrupted, pg.IndexCorrupted)

_BUSY = r"starting up|shutting down|in recovery mode|recovery state"

# of a connection that is refused, by libpq's words, which are not translated
_REFUSALS = (
    (r"password authentication failed|no password supplied", "the password is wrong or missing: "
     "put it into ~/.pgpass or the variable PGPASSWORD"),
    (r'role "[^"]*" does not exist', "there is no such user: createuser makes one"),
    (r'database "[^"]*" does not exist', "there is no such database: createdb makes one"),
    (r"no pg_hba.conf entry", "the server does not let this user in from here: see its "
     "pg_hba.conf"),
    (r"too many (clients|connections)|remaining connection slots", "the server has no connection "
     "left: raise max_connections, or use PgBouncer"),
    (r"definition of service", "there is no such service in ~/.pg_service.conf"),
    (r"could not translate host name|resolve host", "there is no such host: check the address"),
    (r"SSL|certificate", "the encrypted connection fails: check sslmode and the certificates"),
)  # fmt: skip


def translated(error: psycopg.Error, address: Address) -> StoreError:
    """The exception to raise; its text holds no password."""
    where = address.shown
    if isinstance(error, _CONFLICTS):
        return Conflict(f"{where}: another program was writing the same: try again")
    if isinstance(error, _LOST) or (_is_operational(error) and error.sqlstate is None):
        return _of_connection(error, address)
    if isinstance(error, pg.DiskFull):
        return DiskFull(
            f"the disk of the server of {where} is full: free some space there and try again; "
            "nothing stored is lost"
        )
    for kinds, message in _MESSAGES:
        if isinstance(error, kinds):
            return StoreError(f"{where}: {message}")
    if isinstance(error, _MISSING):
        return CatalogueMissing(
            f"there is no catalogue {where}, or not any longer: make one with "
            "imagefinder add FOLDER"
        )
    if isinstance(error, _DAMAGES):
        return CatalogueDamaged(
            f"{where} is damaged ({_reason(error)}): restore a backup of the database"
        )
    return StoreError(f"{where}: the database says: {_reason(error)}")


_MESSAGES: tuple[tuple[type[psycopg.Error] | tuple[type[psycopg.Error], ...], str], ...] = (
    ((pg.InvalidPassword, pg.InvalidAuthorizationSpecification), "the server refuses this user: "
     "check its name, and the password in ~/.pgpass or PGPASSWORD"),
    (pg.InvalidCatalogName, "there is no such database: createdb makes one"),
    (pg.ReadOnlySqlTransaction, "the database, or this user's session, is read-only: write to "
     "the primary server, as a user who may"),
    (pg.InsufficientPrivilege, "this user may not do that: connect as the catalogue's owner, or "
     "let the owner grant the rights (see the guide on PostgreSQL)"),
    (pg.QueryCanceled, "a statement took longer than the server allows, or was cancelled: raise "
     "statement_timeout for this user"),
    (pg.LockNotAvailable, "another program holds a lock on it for long: try again"),
    ((pg.OutOfMemory, pg.ConfigurationLimitExceeded), "the server is out of memory: lower its "
     "work_mem or maintenance_work_mem"),
    (pg.ProgramLimitExceeded, "something is too long for the database, such as a path of more than "
     "2,600 bytes: shorten it"),
    (pg.TooManyConnections, "the server has no connection left: raise max_connections, or use "
     "PgBouncer"),
)  # fmt: skip


def _of_connection(error: psycopg.Error, address: Address) -> LostConnection | StoreError:
    text = str(error)
    if re.search(_BUSY, text):
        return LostConnection(f"{address.shown}: the server is starting or stopping: try again")
    for pattern, remedy in _REFUSALS:
        if re.search(pattern, text):
            return StoreError(f"{address.shown}: {remedy}")
    return LostConnection(
        f"{address.shown} cannot be reached, or the connection broke off: check that PostgreSQL "
        f"runs there, then try again; nothing stored is lost ({_reason(error)})"
    )


def _is_operational(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _reason(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split())
