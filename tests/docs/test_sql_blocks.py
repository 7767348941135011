"""The SQL of the guide on PostgreSQL, run by a server: roles can do what it says."""

from contextlib import closing

import psycopg
import pytest

from imagefinder.errors import StoreError
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import Recipe

from ..postgres_server import Server
from .pages import DOCS, all_blocks

RECIPE = Recipe("test", {}, 8, "cosine")


def test_roles_can_do_what_the_guide_says(postgres: Server) -> None:
    setup, reading = (
        block.text
        for block in all_blocks(DOCS / "guides" / "postgres.md")
        if block.language == "sql"
    )
    postgres.sql("CREATE ROLE anna LOGIN")
    postgres.sql("CREATE ROLE reader LOGIN")
    postgres.sql("CREATE DATABASE shop")
    with psycopg.connect(postgres.database("shop"), autocommit=True) as admin:
        admin.execute(setup.encode())
        anna, reader = (postgres.url("products", user, "shop") for user in ("anna", "reader"))
        entries = random_entries(3, 8)
        with closing(PostgresStore.create(anna, RECIPE)) as store:
            store.write(entries)
            vectors = store.features(entries[0].record.key)
        admin.execute(reading.encode())
    with pytest.raises(StoreError, match="GRANT CREATE ON DATABASE"):
        PostgresStore.create(f"{reader}-of-another", RECIPE)
    with closing(PostgresStore.open(reader)) as store:
        assert store.search(vectors, 1).keys[0, 0] == entries[0].record.key
        assert len(store.select(where={"a": None})) == 3
        with pytest.raises(StoreError, match="may not do that"):
            store.write(entries)
        with pytest.raises(StoreError, match="may not do that"):
            store.set_metadata("a", "b")
        with pytest.raises(StoreError, match="let the owner of its tables do it"):
            store.vacuum()
