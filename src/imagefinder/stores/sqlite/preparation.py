"""Preparation of a catalogue's file: the tables of a new one, and of one of an earlier version."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from imagefinder.errors import CatalogueExists
from imagefinder.registry import recipes
from imagefinder.stores.sqlite import properties, schema
from imagefinder.stores.sqlite.connections import Connections
from imagefinder.types import Recipe


def prepare(connections: Connections, path: Path) -> None:
    """Raise NotACatalogue or NewerCatalogue, and bring an older catalogue up to date.

    Raises UnfinishedCopy, too.
    """
    with connections.reading() as connection:
        schema.check(connection, path.name)
        with connections.decoding():
            origin = properties.get_origin(connection)
        if origin is not None:
            raise origin.unfinished(str(path))
        is_old = schema.is_old(connection)
        must_migrate = is_old and not connections.must_not_write(connection)
    if must_migrate:
        with connections.writing() as connection:
            schema.migrate(connection)


def initialize(
    path: Path, connections: Connections, recipe: Recipe, extractor: Recipe | None
) -> None:
    """Make the tables and describe the catalogue, in one transaction."""
    connections.write_ahead()
    with connections.writing() as connection:
        if not schema.is_empty(connection):
            raise CatalogueExists(f"{path} has just been made by another program")
        schema.migrate(connection)
        properties.set_property(connection, "id", uuid4().hex)
        properties.set_property(connection, "recipe", recipes.to_json(recipe))
        if extractor is not None:
            properties.set_property(connection, "extractor", recipes.to_json(extractor))
