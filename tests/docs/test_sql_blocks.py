"""The SQL of the guide on PostgreSQL, run by a server: roles can do what it says."""

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
        block.text for block in all_blocks(DOCS / "guides" / "postgres.md") if block.language == "sql"
    )
    postgres.sql("CREATE ROLE anna LOGIN")
    postgres.sql("CREATE ROLE reader LOGIN")
    postgres.sql("CREATE DATABASE shop")
    with psycopg.connect(f"{postgres.url().partition('#')[0][:-8]}shop", autocommit=True) as admin:
        admin.execute(setup.encode())
        url = f"postgresql://anna@127.0.0.1:{postgres.port}/shop#products"
        store = PostgresStore.create(url, RECIPE)
        entries = random_entries(3, 8)
        store.write(entries)
        admin.execute(reading.encode())
        with pytest.raises(StoreError, match="GRANT"):
            PostgresStore.create(url.replace("anna", "reader").replace("#products", "#other"), RECIPE)
        reader = PostgresStore.open(url.replace("anna", "reader"))
        assert reader.search(entries[0].features, 1).keys[0, 0] == entries[0].record.key
        assert len(reader.select(where={"a": None})) == 3
        with pytest.raises(StoreError, match="may not do that"):
            reader.write(entries)
        with pytest.raises(StoreError, match="may not do that"):
            reader.set_metadata("a", "b")
        reader.close()
        store.close()
