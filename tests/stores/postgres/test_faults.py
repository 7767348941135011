"""What goes wrong with a database: nothing is lost or done twice, and it is said what to do."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import psycopg
import pytest

from imagefinder.errors import CatalogueMissing, DiskFull, EncoderChanged, StoreError
from imagefinder.stores.postgres import connections as of_connections
from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.stores.postgres.upsert_rows import BufferedRows
from imagefinder.stores.postgres.vectors import select_vectors
from imagefinder.testing.contracts import random_entries
from imagefinder.testing.contracts.samples import record_of
from imagefinder.types import Entry, Recipe

from ...postgres_server import Server

DIM = 8
RECIPE = Recipe("test", {}, DIM, "cosine")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts are short: a server of the tests is back at once."""
    monkeypatch.setattr(of_connections, "_DELAYS", (0.0, 0.01, 0.05, 0.2))


@pytest.fixture
def url(postgres: Server, caches: object) -> str:
    return postgres.url()


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore.create(url, RECIPE)) as store:
        yield store


def holds_exactly(url: str, entries: list[Entry]) -> bool:
    with closing(PostgresStore.open(url)) as store:
        found = {record.key: features for record, features in store.iter_records()}
    return found.keys() == {entry.record.key for entry in entries} and all(
        np.array_equal(found[entry.record.key], np.asarray(entry.features)) for entry in entries
    )


def end_backends(postgres: Server) -> None:
    postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name"
        " = 'imagefinder'"
    )


def once(action: Callable[[], object], monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Do something in the midst of the first write, when a part of it has been sent."""
    method, calls = getattr(BufferedRows, name), []

    def interrupted(self: BufferedRows, *given: Any) -> Any:
        result = method(self, *given)
        calls.append(1)
        if len(calls) == 1:
            action()
        return result

    monkeypatch.setattr(BufferedRows, name, interrupted)
    return calls


@pytest.mark.parametrize("moment", ["load", "_insert_images", "_write_files"])
def test_a_batch_whose_connection_is_ended_is_written_again(
    moment: str, store: PostgresStore, url: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = random_entries(30, DIM)
    calls = once(lambda: end_backends(postgres), monkeypatch, moment)
    assert store.write(entries) == ["added"] * 30
    assert len(calls) == 2
    assert holds_exactly(url, entries)


def test_a_server_that_crashes_in_the_midst_of_a_batch_is_waited_for(
    store: PostgresStore, url: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, entries = random_entries(20, DIM), random_entries(30, DIM, first=100)
    store.write(before)
    once(postgres.restart, monkeypatch, "_insert_images")
    assert store.write(entries) == ["added"] * 30
    assert holds_exactly(url, [*before, *entries])
    assert store.search(np.asarray(before[3].features), 1).keys[0, 0] == before[3].record.key


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_commit_without_an_answer_is_looked_up(
    is_committed: bool, store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = psycopg.Connection.execute
    lost: list[int] = []

    def break_off(self: Any, query: Any, *given: Any, **options: Any) -> Any:
        if query != "COMMIT" or lost:
            return execute(self, query, *given, **options)
        lost.append(1)
        if is_committed:
            execute(self, query, *given, **options)
        self.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    entries = random_entries(5, DIM)
    monkeypatch.setattr(psycopg.Connection, "execute", break_off)
    assert store.write(entries) == ["added"] * 5
    assert lost
    assert holds_exactly(url, entries)


def test_reads_and_searches_survive_a_restart(store: PostgresStore, postgres: Server) -> None:
    entries = random_entries(20, DIM)
    store.write(entries)
    for use in (
        lambda: store.search(np.asarray(entries[7].features), 1),
        lambda: store.select(where={"a": None}),
        lambda: list(store.iter_records()),
        lambda: store.statistics(),
        lambda: store.remove_images([entries[0].record.key]),
    ):
        postgres.restart()
        use()
    assert len(store) == 19


def test_a_server_that_is_gone_is_said_to_be(
    store: PostgresStore, url: str, postgres: Server
) -> None:
    postgres.stop()
    try:
        with pytest.raises(StoreError, match=r"cannot be reached.*check that PostgreSQL runs"):
            len(store)
        with pytest.raises(StoreError, match="cannot be reached"):
            PostgresStore.open(url)
    finally:
        postgres.start()
    assert len(store) == 0


def test_several_writers_lose_nothing(url: str, store: PostgresStore) -> None:
    entries = random_entries(120, DIM)
    failed: list[BaseException] = []

    def write(first: int) -> None:
        try:
            with closing(PostgresStore.open(url)) as own:
                for start in range(first, first + 60, 10):  # half of them are another writer's too
                    own.write(entries[start % 120 : start % 120 + 10])
                own.set_metadata(f"from {first}", "done")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 30, 60, 90)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert holds_exactly(url, entries)
    assert {store.get_metadata(f"from {first}") for first in (0, 30, 60, 90)} == {"done"}


def test_many_threads_share_a_store(store: PostgresStore) -> None:
    entries = random_entries(200, DIM)
    store.write(entries[:20])
    wrong: list[object] = []

    def read() -> None:
        for _ in range(15):
            found = store.search(np.asarray(entries[5].features), 1).keys[0, 0]
            if found != entries[5].record.key or len(store) < 20:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(20)]  # more than connections
    for thread in threads:
        thread.start()
    for start in range(20, 200, 20):
        store.write(entries[start : start + 20])
    for thread in threads:
        thread.join()
    assert not wrong
    assert store.search(np.asarray(entries[0].features), 999).keys.shape == (1, 200)


def test_what_another_program_writes_is_found_with_the_next_search(
    url: str, store: PostgresStore
) -> None:
    entries = random_entries(10, DIM)
    with closing(PostgresStore.open(url)) as other:
        other.write(entries)
        for entry in entries:
            assert store.search(np.asarray(entry.features), 1).keys[0, 0] == entry.record.key
        other.remove_images([entries[0].record.key])
        assert len(store.search(np.asarray(entries[0].features), 99).keys[0]) == 9


def test_what_is_deleted_by_hand_is_gone_from_searches(
    url: str, store: PostgresStore, postgres: Server
) -> None:
    entries = random_entries(10, DIM)
    store.write(entries)
    assert len(store.search(np.asarray(entries[0].features), 99).keys[0]) == 10
    schema = url.partition("#")[2]
    postgres.sql(f"DELETE FROM {schema}.images WHERE key = {entries[0].record.key}")
    assert len(store.search(np.asarray(entries[0].features), 99).keys[0]) == 9
    assert PostgresStore.check(url) == []


def test_vectors_are_not_exchanged_under_a_reader(
    store: PostgresStore, url: str, postgres: Server
) -> None:
    entries = random_entries(5, DIM)
    store.write(entries)
    upgrade = store.begin_upgrade(Recipe("another", {}, DIM, "cosine"))
    upgrade.write({entry.record.key: np.ones((1, DIM), np.float32) for entry in entries})
    switch = threading.Thread(target=upgrade.switch, args=(False, [], []))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    with store._connections.reading() as session:
        store._opened.check(session)
        switch.start()
        while switch.is_alive() and not postgres.value(waiting):
            pass
        assert switch.is_alive()
        found = select_vectors(session, [entries[0].record.key], RECIPE)
    switch.join()
    assert np.array_equal(found[entries[0].record.key], np.asarray(entries[0].features))
    with pytest.raises(EncoderChanged):
        store.features(entries[0].record.key)


def test_a_statement_that_takes_too_long_names_the_setting(store: PostgresStore, url: str) -> None:
    base, _, name = url.partition("#")
    slow = f"{base}?options=-c%20statement_timeout%3D20#{name}"
    with closing(PostgresStore.open(slow)) as hurried:
        with pytest.raises(StoreError, match="raise statement_timeout"):
            hurried._connections.look_up("SELECT pg_sleep(5)::text")
        assert len(hurried) == 0, "and it goes on"


def test_a_catalogue_that_is_dropped_while_it_is_open_is_missing(
    store: PostgresStore, url: str, postgres: Server
) -> None:
    store.write(random_entries(3, DIM))
    postgres.sql(f"DROP SCHEMA {url.partition('#')[2]} CASCADE")
    with pytest.raises(CatalogueMissing, match="imagefinder add"):
        len(store)
    with pytest.raises(CatalogueMissing):
        store.write(random_entries(3, DIM))


def test_a_closed_store_says_so(url: str) -> None:
    store = PostgresStore.create(url, RECIPE)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        len(store)


def test_a_batch_is_written_whole_or_not_at_all(store: PostgresStore) -> None:
    good, bad = random_entries(2, DIM)
    wrong = Entry(bad.record, np.zeros((1, DIM + 1), np.float32))
    with pytest.raises(StoreError, match=r"the vectors are float32 \(1, 9\), not float32 \(n, 8\)"):
        store.write([good, wrong])
    nan = Entry(bad.record, np.full((1, DIM), np.nan, np.float32))
    with pytest.raises(StoreError, match="not finite"):
        store.write([good, nan])
    assert len(store) == 0


def test_a_path_that_is_too_long_is_said_to_be(store: PostgresStore) -> None:
    path = "/" + np.random.default_rng(0).bytes(2000).hex()  # which does not compress
    with pytest.raises(StoreError, match=r"a path of more than 2,600 bytes: shorten it"):
        store.write([Entry(record_of(path), np.ones((1, DIM), np.float32))])
    assert len(store) == 0


def test_a_role_that_only_reads_is_told_so(store: PostgresStore, url: str) -> None:
    base, _, name = url.partition("#")
    reading = f"{base}?options=-c%20default_transaction_read_only%3Don#{name}"
    store.write(random_entries(3, DIM))
    with closing(PostgresStore.open(reading)) as reader:
        assert len(reader) == 3
        with pytest.raises(StoreError, match="read-only"):
            reader.write(random_entries(3, DIM))


@pytest.fixture
def small_disk(postgres: Server) -> Iterator[str]:
    """A tablespace of a few megabytes."""
    place = postgres.folder / "small"
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid():
        pytest.skip("only root may mount a small disk")
    small = [mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)]
    if subprocess.run(small, check=False, capture_output=True).returncode:
        pytest.skip("a container without privileges may not mount a small disk")
    try:
        postgres.own(place)
        postgres.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
        yield "small"
    finally:
        subprocess.run([umount, "--lazy", str(place)], check=True)


def test_a_full_disk_says_so_and_costs_nothing(postgres: Server, small_disk: str) -> None:
    base, _, name = postgres.url().partition("#")
    url = f"{base}?options=-c%20default_tablespace%3D{small_disk}#{name}"
    entries = random_entries(4000, 512)
    with closing(PostgresStore.create(url, Recipe("test", {}, 512, "cosine"))) as store:
        store.write(entries[:100])
        with pytest.raises(DiskFull, match=r"disk of the server .* is full: free some space"):
            store.write(entries)
        assert len(store) == 100
        store.remove_images([entry.record.key for entry in entries[:50]])
        assert len(store) == 50
    postgres.sql(f"DROP SCHEMA {name} CASCADE")
    postgres.sql("DROP TABLESPACE small")
