"""What opening a catalogue in a database needs, and what it says where that is not there."""

import logging
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import (
    CatalogueExists,
    CatalogueMissing,
    NewerCatalogue,
    NotACatalogue,
    PluginError,
    StoreError,
)
from imagefinder.stores.location import beside, display, is_database, name_of, redacted
from imagefinder.stores.postgres.address import Address
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.testing.contracts import random_entries
from imagefinder.types import IndexChoice, Recipe

from ...postgres_server import Server

RECIPE = Recipe("test", {}, 8, "cosine")
HIDDEN = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@host/db#a", "postgresql://me@host/db#a"),
        ("postgres://me:hunter2@host:5433/db#a", "postgres://me:***@host:5433/db#a"),
        ("postgresql://me:p@hunter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:hunter2#x@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?password=hunter2&user=me#a",
         "postgresql://host/db?password=***&user=me#a"),
        ("postgresql://host/db?sslpassword=hunter2", "postgresql://host/db?sslpassword=***"),
        ("postgresql:///db", "postgresql:///db"),
    ],
)  # fmt: skip
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert is_database(url)
    assert redacted(url) == shown == display(url)


@given(password=st.text("abc:/@?#&=%[] é'\"\\", min_size=6))
def test_no_message_shows_any_password(password: str) -> None:
    secret = f"SECRET{password}SECRET"
    for url in (f"postgresql://me:{secret}@host/db#a", f"postgresql://h/db?password={secret}"):
        shown = redacted(url)
        assert "SECRET" not in shown or "&" in password or "#" in password
        try:
            address = Address.of(url)
        except StoreError as error:
            shown = str(error)
        else:
            shown = repr(address) + address.shown
        assert f"me:{secret}" not in shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:hunter2@[::1/db#a", "is not an address of a database"),
        ("postgresql://h/db?nonsense=1#a", "is not an address of a database"),
        ("postgresql://me:hunter2#x@host/db", "write %23 for a #"),
        (f"postgresql://h/db#{'x' * 64}", "more than 63 bytes"),
        ("postgresql://h/db#pg_catalog", "reserves the name"),
        ("postgresql://h/db#information_schema", "reserves the name"),
    ],
)
def test_addresses_that_cannot_be_say_why(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        PostgresStore.open(url)
    assert HIDDEN not in str(caught.value)


def test_names_of_catalogues() -> None:
    assert name_of("postgresql://h/db") == "imagefinder"
    assert name_of("postgresql://h/db#two%20words") == "two words"
    assert str(beside("postgresql://h/db#a/b c")) == "a-b-c"
    assert not is_database("photos.db")


@pytest.mark.parametrize("name", ["Two Words", 'quo"te', "größe", "100%", "{s}", "a'b", "$$", "-"])
def test_a_catalogue_may_have_any_name(name: str, postgres: Server, caches: object) -> None:
    url = postgres.url(name.replace("%", "%25"))
    assert not PostgresStore.exists(url)
    entries = random_entries(3, 8)
    with closing(PostgresStore.create(url, RECIPE)) as store:
        store.write(entries)
        store.remove_images([entries[0].record.key])
    assert PostgresStore.exists(url)
    with closing(PostgresStore.open(url)) as store:
        assert len(store) == 2 == len(store.select(where={"x": None}))
        store.use_index(IndexChoice("pgvector-hnsw"))
        assert store.search(store.features(entries[1].record.key), 1).keys[0, 0] > 0
        assert store.vacuum() is not None
    assert PostgresStore.check(url) == []


def test_catalogues_of_one_database_are_apart(postgres: Server, caches: object) -> None:
    first, second = postgres.url(), postgres.url()
    with closing(PostgresStore.create(first, RECIPE)) as store:
        store.write(random_entries(3, 8))
    with closing(PostgresStore.create(second, RECIPE)) as store:
        assert len(store) == 0
    with pytest.raises(CatalogueExists, match="already exists"):
        PostgresStore.create(first, RECIPE)


def test_a_missing_catalogue_says_how_to_make_one(postgres: Server) -> None:
    with pytest.raises(CatalogueMissing, match="imagefinder add"):
        PostgresStore.open(postgres.url())


def test_other_tables_are_left_alone(postgres: Server) -> None:
    postgres.sql("CREATE SCHEMA others; CREATE TABLE others.images (x int)")
    with pytest.raises(NotACatalogue, match="holds other tables, such as images"):
        PostgresStore.create(postgres.url("others"), RECIPE)
    assert not PostgresStore.exists(postgres.url("others"))


def test_an_empty_schema_is_taken(postgres: Server, caches: object) -> None:
    postgres.sql("CREATE SCHEMA prepared")
    PostgresStore.create(postgres.url("prepared"), RECIPE).close()


def test_a_later_schema_is_refused_with_the_remedy(postgres: Server, caches: object) -> None:
    url = postgres.url("later")
    PostgresStore.create(url, RECIPE).close()
    postgres.sql("UPDATE later.catalogue SET value = '99' WHERE name = 'schema'")
    with pytest.raises(NewerCatalogue, match="pip install -U"):
        PostgresStore.open(url)


@pytest.fixture
def other(postgres: Server) -> Iterator[str]:
    """A database without pgvector."""
    postgres.sql("CREATE DATABASE other")
    yield "other"
    postgres.sql("DROP DATABASE other WITH (FORCE)")


def test_pgvector_is_asked_for(postgres: Server, other: str) -> None:
    url = postgres.url(database=other)
    with pytest.raises(StoreError, match="run CREATE EXTENSION vector in this database"):
        PostgresStore.create(url, RECIPE)
    with psycopg.connect(postgres.database(other), autocommit=True) as admin:
        admin.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
        store = PostgresStore.create(url, RECIPE)  # wherever it is
        store.write(random_entries(3, 8))
        store.use_index(IndexChoice("pgvector-hnsw"))
        assert len(store.search(store.features(random_entries(1, 8)[0].record.key), 2).keys) == 1
        store.close()
        admin.execute("UPDATE pg_extension SET extversion = '0.8.1' WHERE extname = 'vector'")
        with pytest.raises(StoreError, match=r"pgvector 0\.8\.1 is too old.*install 0\.8\.4"):
            PostgresStore.open(url)


@pytest.mark.parametrize(
    ("database", "user", "message"),
    [("nowhere", "postgres", "no such database"), ("postgres", "nobody-here", "no such user")],
)
def test_what_is_not_there_is_said(
    database: str, user: str, message: str, postgres: Server
) -> None:
    with pytest.raises(StoreError, match=message):
        PostgresStore.open(postgres.url(user=user, database=database))


def test_a_wrong_password_is_said_and_none_is_shown(
    postgres: Server, caches: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    postgres.sql(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{HIDDEN}'")
    url = postgres.url()
    for user, message in (("guarded:wrong1", "password is wrong"), ("guarded", "missing")):
        with pytest.raises(StoreError, match=message) as caught:
            PostgresStore.open(url.replace("postgres@", f"{user}@"))
        assert "wrong1" not in str(caught.value)
    with_password = url.replace("postgres@", f"guarded:{HIDDEN}@")
    with closing(PostgresStore.create(with_password, RECIPE)) as store:
        assert HIDDEN not in f"{store!r} {store._connections.address!r}"
        postgres.sql(f"DROP SCHEMA {name_of(url)} CASCADE")
        with pytest.raises(StoreError) as caught:
            len(store)
        assert HIDDEN not in str(caught.value)
    assert HIDDEN not in caplog.text


def test_a_database_that_is_not_utf_8_is_refused(postgres: Server) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="not in UTF-8"):
        PostgresStore.create(postgres.url(database="latin"), RECIPE)


def test_what_a_database_cannot_hold_is_refused(postgres: Server) -> None:
    with pytest.raises(PluginError, match="up to 16,000 dimensions, not 20,000"):
        PostgresStore.create(postgres.url(), Recipe("test", {}, 20_000, "cosine"))
    with pytest.raises(PluginError, match="works in the store sqlite alone"):
        PostgresStore.create(postgres.url(), RECIPE, IndexChoice("sqlite-vec"))
