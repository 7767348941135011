"""Database schema of a catalogue, and its migrations."""

from __future__ import annotations

import apsw

from imagefinder.errors import NewerCatalogue, NotACatalogue
from imagefinder.stores.sqlite.checksums import DamagedRow

APPLICATION_ID = 0x494D4746  # "IMGF", as `file` shows it

# by another encoder: what an upgrade has made so far, or the former ones, kept
OTHER_VECTORS = """
    CREATE TABLE other_vectors (
        key      INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        row      INTEGER NOT NULL,
        vector   BLOB NOT NULL,
        checksum INTEGER,
        PRIMARY KEY (key, row)
    )
"""

# one migration per version: never change one that was released, add another
MIGRATIONS = (
    """
    CREATE TABLE catalogue (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE images (
        key       INTEGER PRIMARY KEY,
        sha256    BLOB NOT NULL,
        size      INTEGER NOT NULL,
        width     INTEGER NOT NULL,
        height    INTEGER NOT NULL,
        metadata  TEXT NOT NULL,
        in_memory INTEGER NOT NULL  -- 1: it stays when its last file is removed
    );

    CREATE TABLE files (
        path     TEXT PRIMARY KEY,
        key      INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        mtime_ns INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX files_of_image ON files (key);

    CREATE TABLE vectors (
        key    INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        row    INTEGER NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (key, row)
    );
    """,
    """
    CREATE TABLE local_features (
        key      INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        features BLOB NOT NULL  -- as local_features/codec.py encodes them
    );
    -- to list the keys without reading the features
    CREATE INDEX keys_of_local_features ON local_features (key);
    """,
    """
    ALTER TABLE images ADD COLUMN version INTEGER NOT NULL DEFAULT 0;  -- write by which it came
    CREATE INDEX images_by_version ON images (version);
    ALTER TABLE files ADD COLUMN origin TEXT NOT NULL DEFAULT 'added';  -- see Origin

    -- XXH3-64 of a row's other columns, as checksums.py computes it; NULL in rows of before
    ALTER TABLE images ADD COLUMN checksum INTEGER;
    ALTER TABLE files ADD COLUMN checksum INTEGER;
    ALTER TABLE vectors ADD COLUMN checksum INTEGER;
    ALTER TABLE local_features ADD COLUMN checksum INTEGER;
    ALTER TABLE catalogue ADD COLUMN checksum INTEGER;

    CREATE TABLE writes (version INTEGER PRIMARY KEY);  -- every transaction that stored vectors
    """,
    """
    CREATE TABLE signatures (
        key       INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        signature BLOB NOT NULL,  -- as images/signature.py packs them
        checksum  INTEGER
    );
    -- to tell which images have one without reading it
    CREATE INDEX keys_of_signatures ON signatures (key);
    """,
    f"""
    {OTHER_VECTORS};
    CREATE TABLE other_images (  -- those that have other vectors, perhaps none
        key INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE
    );
    """,
)

# one that each migration makes
_NEW_TABLES = ("images", "local_features", "writes", "signatures", "other_images")

# what the third migration adds, for a connection that cannot make it
_VIEWS = """
    CREATE TEMP VIEW images AS SELECT *, 0 AS version, NULL AS checksum FROM main.images;
    CREATE TEMP VIEW files AS SELECT *, 'added' AS origin, NULL AS checksum FROM main.files;
    CREATE TEMP VIEW vectors AS SELECT rowid, *, NULL AS checksum FROM main.vectors;
    CREATE TEMP VIEW catalogue AS SELECT *, NULL AS checksum FROM main.catalogue;
    CREATE TEMP TABLE writes (version INTEGER PRIMARY KEY);
"""
_LOCAL_FEATURES = (
    "CREATE TEMP TABLE local_features (key INTEGER, features BLOB, checksum INTEGER);",
    "CREATE TEMP VIEW local_features AS SELECT *, NULL AS checksum FROM main.local_features;",
)
_SIGNATURES = """
    CREATE TEMP TABLE signatures (key INTEGER PRIMARY KEY, signature BLOB, checksum INTEGER);
"""
_OTHER = """
    CREATE TEMP TABLE other_vectors (key INTEGER, row INTEGER, vector BLOB, checksum INTEGER);
    CREATE TEMP TABLE other_images (key INTEGER PRIMARY KEY);
"""
_ADDED = (
    *(_VIEWS + view + _SIGNATURES + _OTHER for view in _LOCAL_FEATURES),
    _SIGNATURES + _OTHER,
    _OTHER,
)
"""What a catalogue of each earlier version lacks."""


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the database has no content: new, or its creation was interrupted."""
    return (
        not connection.pragma("application_id")
        and not connection.execute("SELECT count(*) FROM sqlite_schema").get
    )


def check(connection: apsw.Connection, name: str) -> None:
    """Raise NotACatalogue, NewerCatalogue or DamagedRow if it cannot be read or migrated."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise NotACatalogue(f"{name} is a SQLite database, but not an ImageFinder catalogue")
    version = connection.pragma("user_version")
    if version > len(MIGRATIONS):
        raise NewerCatalogue(
            f"{name} was made by a newer version of ImageFinder (schema {version}, supported up to "
            f"{len(MIGRATIONS)}): upgrade with pip install -U imagefinder"
        )
    if version < 1 or version != _version_of(connection):
        raise DamagedRow(f"its tables are not those of schema {version}")


def _version_of(connection: apsw.Connection) -> int:
    """The version whose tables there are; the header's may be damaged."""
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    tables = {str(name) for (name,) in rows}
    return sum(name in tables for name in _NEW_TABLES)


def is_old(connection: apsw.Connection) -> bool:
    """Whether migrations are missing."""
    return bool(connection.pragma("user_version") < len(MIGRATIONS))


def show_as_migrated(connection: apsw.Connection) -> None:
    """Let an older catalogue that cannot be written look like one of now, to this connection."""
    version = connection.pragma("user_version")
    if connection.pragma("application_id") == APPLICATION_ID and is_old(connection):
        connection.execute(_ADDED[version - 1])


def migrate(connection: apsw.Connection) -> None:
    """Apply all missing migrations; to be called inside a transaction."""
    connection.pragma("application_id", APPLICATION_ID)
    for version in range(connection.pragma("user_version"), len(MIGRATIONS)):
        connection.execute(MIGRATIONS[version])
        connection.pragma("user_version", version + 1)
