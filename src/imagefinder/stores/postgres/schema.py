"""The schema of a catalogue: made, checked and migrated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from uuid import uuid4

from psycopg.errors import InsufficientPrivilege

from imagefinder.errors import (
    CatalogueExists,
    CatalogueMissing,
    NewerCatalogue,
    NotACatalogue,
    PluginError,
    StoreError,
)
from imagefinder.registry import recipes
from imagefinder.stores.origin import Origin
from imagefinder.stores.postgres import properties
from imagefinder.stores.postgres.connections import Connections
from imagefinder.stores.postgres.session import Session
from imagefinder.stores.property_names import ORIGIN
from imagefinder.types import Recipe

LEAST_PGVECTOR = (0, 8, 4)
"""Those from 0.8.2 on mended graphs of HNSW that were damaged."""

_VERSION = "schema"  # the property with the number of migrations that were applied
_MOST_DIMENSIONS = 16_000  # of pgvector's type
_MOST_BITS = 64_000  # of an index of bits
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"


def migrations() -> list[str]:
    """The SQL that makes a catalogue, in order: one that was released is never changed."""
    folder = files(__package__) / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]


def embedding_type(recipe: Recipe) -> str:
    """The type of a column of its vectors. Raises PluginError for too many dimensions."""
    if recipe.measure == "hamming":
        bits = 8 * recipe.dim
        if bits > _MOST_BITS:
            raise PluginError(f"PostgreSQL holds up to {_MOST_BITS:,} bits, not {bits:,}")
        return f"bit({bits})"
    if recipe.dim > _MOST_DIMENSIONS:
        raise PluginError(
            f"pgvector holds vectors of up to {_MOST_DIMENSIONS:,} dimensions, not {recipe.dim:,}: "
            "reduce them, or use a catalogue in a file"
        )
    return f"{{v}}.vector({recipe.dim})"


def exists(session: Session) -> bool:
    """Whether the schema holds a catalogue."""
    return {"catalogue", "state"} <= _tables(session)


def check(connections: Connections) -> None:
    """Raise unless there is a catalogue that can be used, and bring an older one up to date."""
    shown = connections.address.shown

    def version(session: Session) -> int:
        if not exists(session):
            raise CatalogueMissing(
                f"there is no catalogue {shown}: make one with imagefinder add FOLDER"
            )
        origin = properties.get_property(session, ORIGIN)
        if origin is not None:
            with connections.decoding():
                raise Origin.from_json(origin).unfinished(shown)
        return check_version(session, shown)

    every = migrations()
    if connections.read(version) < len(every):
        with connections.writing() as session:
            _migrate(session, every, None)


def check_version(session: Session, shown: str) -> int:
    """The number of migrations that were applied to it. Raises NewerCatalogue."""
    found, known = int(properties.get_property(session, _VERSION) or 0), len(migrations())
    if found > known:
        raise NewerCatalogue(
            f"{shown} was made by a newer version of ImageFinder (schema {found}, supported up to "
            f"{known}): upgrade with pip install -U imagefinder"
        )
    return found


@contextmanager
def creating(connections: Connections) -> Iterator[Session]:
    """A transaction beside which no other makes a catalogue of this name."""
    with connections.creating() as session:
        session.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            (f"imagefinder {connections.address.name}",),
        )
        yield session


def make(session: Session, connections: Connections, recipe: Recipe) -> None:
    """Make the tables. Raises CatalogueExists, or NotACatalogue for a schema with others."""
    embedding = embedding_type(recipe)
    _check_free(session, connections)
    if session.value("SELECT to_regnamespace(%s) IS NULL", (session.schema,)):
        _create_schema(session, connections)
    _migrate(session, migrations(), embedding)


def create(connections: Connections, recipe: Recipe, extractor: Recipe | None) -> None:
    """Make the tables and describe the catalogue, in one transaction."""
    with creating(connections) as session:
        make(session, connections, recipe)
        properties.set_property(session, "id", uuid4().hex)
        properties.set_property(session, "recipe", recipes.to_json(recipe))
        if extractor is not None:
            properties.set_property(session, "extractor", recipes.to_json(extractor))


def find_pgvector(connections: Connections) -> None:
    """Learn in which schema pgvector is. Raises StoreError unless it is there, and new enough."""
    with connections.connected() as connection:
        encoding = connection.execute("SHOW server_encoding").fetchone()
        found = connection.execute(
            "SELECT extversion, nspname FROM pg_extension"
            " JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
        ).fetchone()
        available = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
    shown = connections.address.shown
    if encoding != ("UTF8",):
        raise StoreError(f"{shown}: the database is not in UTF-8: createdb --encoding UTF8")
    if found is None:
        raise StoreError(f"{shown}: {_how_to_get(available)}")
    version, connections.vector_schema = found
    if _numbers(version) < LEAST_PGVECTOR:
        least = ".".join(map(str, LEAST_PGVECTOR))
        raise StoreError(
            f"{shown}: pgvector {version} is too old, and builds damaged indexes: install {least} "
            "or later on the server, then run ALTER EXTENSION vector UPDATE in this database"
        )


def _how_to_get(available: tuple[str] | None) -> str:
    if available is None:
        return (
            "the server has no pgvector: install it there (Debian: postgresql-NN-pgvector; Docker: "
            "the image pgvector/pgvector), then run CREATE EXTENSION vector in this database"
        )
    return (
        "pgvector is not enabled: run CREATE EXTENSION vector in this database, as a user who may"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _check_free(session: Session, connections: Connections) -> None:
    shown, tables = connections.address.shown, _tables(session)
    if exists(session):
        raise CatalogueExists(f"{shown} already exists: open it, or choose another name after #")
    if tables:
        raise NotACatalogue(
            f"{shown}: the schema {connections.address.name} holds other tables, such as "
            f"{min(tables)}: choose another name after #"
        )


def _create_schema(session: Session, connections: Connections) -> None:
    try:
        session.script("CREATE SCHEMA {s}")
    except InsufficientPrivilege as error:
        raise StoreError(
            f"{connections.address.shown}: this user may not make a schema: let one who may run "
            f"GRANT CREATE ON DATABASE … TO …, or CREATE SCHEMA {session.schema} AUTHORIZATION …"
        ) from error


def _tables(session: Session) -> set[str]:
    return {name for (name,) in session.rows(_TABLES, (session.schema,))}


def _migrate(session: Session, every: list[str], embedding: str | None) -> None:
    """Apply what is missing; ``embedding`` is needed for the first alone."""
    applied = int(properties.get_property(session, _VERSION) or 0) if embedding is None else 0
    for script in every[applied:]:
        session.script(script.replace("{embedding}", embedding or ""))
    properties.set_property(session, _VERSION, str(len(every)))
