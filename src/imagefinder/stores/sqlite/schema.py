"""What a catalogue's file looks like inside, and how an older one becomes a newer one."""

from __future__ import annotations

import apsw

from imagefinder.errors import NewerCatalogue, NotACatalogue

APPLICATION_ID = 0x494D4746  # "IMGF", as `file` shows it

# one step a version: never change a step that was released, add one
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
        in_memory INTEGER NOT NULL  -- 1: given as such, so it stays when its last file goes
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
        features BLOB NOT NULL  -- as stores/packing.py packs them
    );
    -- to list the keys without walking through the features
    CREATE INDEX keys_of_local_features ON local_features (key);
    """,
)


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the file is a database with nothing in it: new, or its maker was cut short."""
    return (
        not connection.pragma("application_id")
        and not connection.execute("SELECT count(*) FROM sqlite_schema").get
    )


def check(connection: apsw.Connection, name: str) -> None:
    """Raise NotACatalogue or NewerCatalogue unless ``migrate`` can make use of the file."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise NotACatalogue(f"{name} is a database, but not a catalogue of ImageFinder")
    version = connection.pragma("user_version")
    if version > len(MIGRATIONS):
        raise NewerCatalogue(
            f"{name} was made by a later ImageFinder (its schema is {version}, this one knows "
            f"{len(MIGRATIONS)}): upgrade with pip install -U imagefinder"
        )


def migrate(connection: apsw.Connection) -> None:
    """Bring the file to the newest schema; to be called inside a transaction."""
    connection.pragma("application_id", APPLICATION_ID)
    for version in range(connection.pragma("user_version"), len(MIGRATIONS)):
        connection.execute(MIGRATIONS[version])
        connection.pragma("user_version", version + 1)
